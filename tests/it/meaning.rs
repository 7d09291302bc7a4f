//! Semantic search: with an embeddings endpoint synonyms are found too; without its answer, only words are searched.

use std::time::Duration;

use deskhand::{api::pb, config::EmbeddingSettings};

use crate::support::{
    desk::{Desk, Kept, Opening, agent_says, customer_says, event, eventually},
    model::{Answer, ScriptedModel},
};

/// Opens a desk whose documents are embedded by this endpoint.
async fn open(kept: Option<Kept>, embedder: &ScriptedModel, search_timeout: Option<Duration>) -> Desk {
    let opening = Opening { with_model: false, with_shop: false, change: |_| {} };
    let kept = match kept {
        Some(kept) => kept,
        None => opening_kept().await,
    };
    let embedding = EmbeddingSettings {
        model: Some("scripted".into()),
        base_url: Some(embedder.base_url()),
        search_timeout,
        suggest_timeout: search_timeout,
        ..EmbeddingSettings::default()
    };
    opening.open_with(kept, |config| config.embedding = embedding).await
}

async fn opening_kept() -> Kept {
    Desk::empty().await.close_and_keep().await
}

/// On a machine that is busy with other tests.
const LONG: Option<Duration> = Some(Duration::from_secs(20));

fn article(id: &str, title: &str, body: &str) -> pb::Article {
    pb::Article { id: id.into(), language: "en".into(), title: title.into(), body: body.into(), ..pb::Article::default() }
}

const ARTICLES: [(&str, &str, &str); 5] = [
    ("sofa", "Sofa care", "Brush it once a week."),
    ("bulb", "Changing a bulb", "Switch the power off first."),
    ("bicycle", "Bicycle chains", "Oil it. Mail ann@example.com about order 4711-0815."),
    ("rug", "Washing a rug", "Cold water only."),
    ("returns", "Returns", "Within thirty days, in the box it came in."),
];

async fn put(desk: &mut Desk) {
    let articles = ARTICLES.map(|(id, title, body)| article(id, title, body)).to_vec();
    desk.knowledge.put_articles(pb::PutArticlesRequest { articles }).await.unwrap();
}

async fn first(desk: &Desk, query: &str) -> String {
    let request = pb::SearchRequest { query: query.into(), language: "en".into(), ..pb::SearchRequest::default() };
    let reply = desk.knowledge.clone().search(request).await.unwrap().into_inner();
    reply.hits.first().map(|hit| hit.id.clone()).unwrap_or_default()
}

async fn is_found(desk: &Desk, query: &str, id: &str) {
    eventually(query, async || first(desk, query).await == id).await;
}

#[tokio::test]
async fn semantic_matches_are_found_and_nothing_is_embedded_twice() {
    let embedder = ScriptedModel::start().await;
    let mut desk = open(None, &embedder, LONG).await;
    put(&mut desk).await;
    is_found(&desk, "my divan is dirty", "sofa").await;
    assert_eq!(first(&desk, "pedal is stuck ").await, "bicycle");
    assert_eq!(first(&desk, "zebra").await, "", "what means nothing here and stands nowhere has no hit");
    // Words go on to count.
    assert_eq!(first(&desk, "washing").await, "rug");

    let embedded = embedder.embedded();
    assert!(ARTICLES.iter().all(|(_, title, _)| embedded.iter().filter(|text| text.starts_with(title)).count() == 1), "{embedded:?}");
    assert!(!embedded.iter().any(|text| text.contains("example.com") || text.contains("4711")), "{embedded:?}");

    // What is kept is not asked for again; what changes is.
    let kept = desk.close_and_keep().await;
    let mut desk = open(Some(kept), &embedder, LONG).await;
    is_found(&desk, "my divan is dirty", "sofa").await;
    let articles = vec![article("returns", "Returns of carpets", "Rolled up.")];
    desk.knowledge.put_articles(pb::PutArticlesRequest { articles }).await.unwrap();
    desk.knowledge.delete_articles(pb::DeleteArticlesRequest { ids: vec!["sofa".into()], ..Default::default() }).await.unwrap();
    eventually("the new text is embedded", async || embedder.embedded().iter().any(|text| text.starts_with("Returns of carpets"))).await;
    let again = embedder.embedded();
    assert!(again[embedded.len()..].iter().all(|text| !text.contains("Brush") && !text.contains("Oil")), "{again:?}");
    assert_eq!(first(&desk, "my divan is dirty").await, "");
    desk.close().await;
}

#[tokio::test]
async fn a_server_with_embeddings_is_ready_after_a_restart() {
    let embedder = ScriptedModel::start().await;
    let mut desk = open(None, &embedder, LONG).await;
    put(&mut desk).await;
    is_found(&desk, "my divan is dirty", "sofa").await;
    let is_whole = async |desk: &Desk| {
        let metrics = desk.page("/metrics").await;
        metrics.contains("deskhand_ready 1\n") && metrics.contains("deskhand_index_lag_changes{workspace=\"default\"} 0\n")
    };
    eventually("nothing is behind", async || is_whole(&desk).await).await;
    let kept = desk.close_and_keep().await;
    // The catalog's last change is now one of its vectors.
    let desk = open(Some(kept), &embedder, LONG).await;
    eventually("it is ready", async || is_whole(&desk).await).await;
    desk.close().await;
}

#[tokio::test]
async fn unfinished_words_and_names_are_not_embedded() {
    let embedder = ScriptedModel::start().await;
    let mut desk = open(None, &embedder, LONG).await;
    put(&mut desk).await;
    is_found(&desk, "divan", "sofa").await;
    let before = embedder.embedded().len();
    for half in ["swi", "washing a ru", "wee"] {
        desk.search(half, "en").await;
    }
    assert_eq!(embedder.embedded().len(), before, "{:?}", &embedder.embedded()[before..]);
    desk.search("washing a rug -cold, mail me at ann@example.com", "en").await;
    let asked = embedder.embedded().pop().unwrap();
    assert!(asked.starts_with("washing a rug") && !asked.contains("cold") && !asked.contains("ann@"), "{asked}");

    let who = pb::event::Body::Customer(pb::Customer { name: "Selin Kaya".into(), ..pb::Customer::default() });
    let events = vec![event("e0", who), customer_says("e1", "This is Selin, my divan has a spot. My account is 5588-1234")];
    let request = pb::SuggestAnswersRequest { chat_id: "a".into(), events, ..pb::SuggestAnswersRequest::default() };
    let suggestions = desk.suggest(request).await;
    assert_eq!(suggestions[0].id, "sofa");
    assert!(!suggestions[0].reason.contains("divan") && !suggestions[0].reason.is_empty(), "{}", suggestions[0].reason);
    let asked = embedder.embedded().pop().unwrap();
    let typed = pb::SuggestAnswersRequest { chat_id: "a".into(), query: "Selin's divan ".into(), ..pb::SuggestAnswersRequest::default() };
    assert_eq!(desk.suggest(typed).await[0].reason, "similar in meaning to what you typed");
    let typed = embedder.embedded().pop().unwrap();
    assert!(typed.contains("divan") && !typed.contains("Selin"), "{typed}");
    assert!(asked.contains("divan") && !asked.contains("Selin") && !asked.contains("5588"), "{asked}");
    desk.close().await;
}

#[tokio::test]
async fn the_last_turns_decide_what_is_searched() {
    let embedder = ScriptedModel::start().await;
    let mut desk = open(None, &embedder, LONG).await;
    put(&mut desk).await;
    is_found(&desk, "divan", "sofa").await;
    let events = vec![
        customer_says("e1", "My parcel has come, many thanks"),
        agent_says("e2", "Glad to hear"),
        customer_says("e3", "Now, my pedal does funny noises"),
    ];
    let request = pb::SuggestAnswersRequest { chat_id: "a".into(), events, ..pb::SuggestAnswersRequest::default() };
    assert_eq!(desk.suggest(request).await[0].id, "bicycle");
    desk.close().await;
}

#[tokio::test]
async fn an_endpoint_that_is_slow_or_dead_costs_its_deadline_and_no_search() {
    let embedder = ScriptedModel::start().await;
    let mut desk = open(None, &embedder, LONG).await;
    put(&mut desk).await;
    is_found(&desk, "divan", "sofa").await;
    let kept = desk.close_and_keep().await;
    let desk = open(Some(kept), &embedder, Some(Duration::from_millis(200))).await;
    is_found(&desk, "divan", "sofa").await;
    for _ in 0..3 {
        embedder.will(Answer::hangs());
        assert_eq!(first(&desk, "washing").await, "rug");
        embedder.caller_left().await;
    }
    // Now it is left alone for a while.
    let before = embedder.asked().len();
    assert_eq!(first(&desk, "washing").await, "rug");
    assert_eq!(embedder.asked().len(), before);
    drop(embedder);
    assert_eq!(first(&desk, "washing").await, "rug");
    desk.close().await;
}

#[tokio::test]
async fn refused_batches_are_split_and_garbled_answers_are_retried() {
    let embedder = ScriptedModel::start().await;
    for answer in [
        Answer::refuses(503, "{}"),
        Answer::cut_after(&[]),
        Answer::refuses(413, "too much"),
        Answer::serves("application/json", "{\"data\": []}"),
    ] {
        embedder.will(answer);
    }
    let mut desk = open(None, &embedder, LONG).await;
    put(&mut desk).await;
    is_found(&desk, "divan", "sofa").await;
    let sizes: Vec<usize> = embedder.asked().iter().map(|asked| asked["input"].as_array().unwrap().len()).collect();
    assert_eq!(sizes[..6], [5, 5, 5, 2, 1, 1], "{sizes:?}");
    desk.close().await;
}
