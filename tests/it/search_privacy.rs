//! What a search says comes from what its reader may be shown, in the language searched: corrections, completions, scores, counts.

use std::collections::HashSet;

use deskhand::{
    api::pb,
    ids::{Id, Workspace},
    knowledge::{Audience, Conditions, Details, Document, Hits, KnowledgeBases, NewDocument, Reader, Search, Visibility},
    spelling::Dictionaries,
    store::Store,
    text::{Language, words},
};
use proptest::prelude::*;
use serde_json::Value;

use crate::support::desk::{Desk, agent_says, customer_says, selin};

fn article(id: &str, language: &str, title: &str, body: &str, audience: pb::Audience) -> pb::Article {
    pb::Article {
        id: id.into(),
        language: language.into(),
        title: title.into(),
        body: body.into(),
        audience: audience.into(),
        ..pb::Article::default()
    }
}

/// A search as a help page makes it, which anybody may.
async fn search_in_public(desk: &Desk, query: &str, language: &str) -> Value {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = reqwest::Url::parse_with_params(&format!("http://{}/help/search", desk.address()), [("q", query), ("language", language)]);
    reqwest::get(url.unwrap()).await.unwrap().json().await.unwrap()
}

fn corrected(reply: &Value) -> &str {
    reply["correctedQuery"].as_str().unwrap_or_default()
}

fn total(reply: &Value) -> i64 {
    reply["total"].as_i64().unwrap_or_default()
}

#[tokio::test]
async fn a_correction_names_no_word_of_what_agents_alone_may_read() {
    let mut desk = Desk::empty().await;
    let articles = vec![
        article("refunds", "en", "Refunds", "A refund takes five working days.", pb::Audience::Public),
        article("nightingale", "en", "Project Nightingale", "Nightingale doubles each refund above 500.", pb::Audience::Agents),
    ];
    desk.knowledge.put_articles(pb::PutArticlesRequest { articles }).await.unwrap();
    for query in ["nightinghale refund", "nightingal", "nightin refund", "refund nightinga"] {
        let reply = search_in_public(&desk, query, "en").await;
        assert!(!reply.to_string().to_lowercase().contains("nightingale"), "{query}: {reply}");
    }
    // Who may read it is helped with it.
    assert_eq!(desk.search("nightinghale refund", "en").await.corrected_query, "nightingale refund");
    desk.close().await;
}

#[tokio::test]
async fn what_others_write_makes_no_misspelling_a_known_word() {
    let mut desk = Desk::empty().await;
    let articles = vec![
        article("shipping", "en", "Shipping", "Shipping is free.", pb::Audience::Public),
        article("kargo", "tr", "Kargo takip", "Kargo takip numarası e-postadadır.", pb::Audience::Public),
        article("large", "en", "Larger parcels", "Larger parcels come later.", pb::Audience::Public),
        article("store", "hu", "Raktár", "A raktárunkat hétfőn zárjuk.", pb::Audience::Public),
    ];
    desk.knowledge.put_articles(pb::PutArticlesRequest { articles }).await.unwrap();
    let before = search_in_public(&desk, "shiping", "en").await;
    assert_eq!((total(&before), corrected(&before)), (1, "shipping"));
    let canned_answers = vec![pb::CannedAnswer {
        id: "typo".into(),
        language: "en".into(),
        title: "shiping".into(),
        body: "About shiping, and shiping again.".into(),
        ..pb::CannedAnswer::default()
    }];
    desk.knowledge.put_canned_answers(pb::PutCannedAnswersRequest { canned_answers }).await.unwrap();
    let internal = vec![article("typo", "en", "shiping", "shiping", pb::Audience::Agents)];
    desk.knowledge.put_articles(pb::PutArticlesRequest { articles: internal }).await.unwrap();
    let mut after = search_in_public(&desk, "shiping", "en").await;
    after["searchId"] = before["searchId"].clone();
    assert_eq!(after, before, "hits, scores, counts and the correction are the same");

    // A correction is a word, and one of the language that was searched.
    assert_eq!(corrected(&search_in_public(&desk, "largo takip", "tr").await), "kargo takip");
    assert_eq!(corrected(&search_in_public(&desk, "Traktor", "hu").await), "");
    assert_eq!(corrected(&search_in_public(&desk, "shiping", "tr").await), "shipping", "nothing in Turkish fits, so all were searched");
    desk.close().await;
}

#[tokio::test]
async fn a_document_that_goes_or_becomes_internal_takes_its_words_along() {
    let mut desk = Desk::empty().await;
    let mut articles = vec![
        article("refunds", "en", "Refunds", "A refund takes five working days.", pb::Audience::Public),
        article("gone", "en", "Glockenspiel", "A refund for the glockenspiel.", pb::Audience::Public),
        article("hidden", "en", "Xylophone", "A refund for the xylophone.", pb::Audience::Public),
    ];
    desk.knowledge.put_articles(pb::PutArticlesRequest { articles: articles.clone() }).await.unwrap();
    assert_eq!(corrected(&search_in_public(&desk, "glockenspeil refund", "en").await), "glockenspiel refund");
    assert_eq!(corrected(&search_in_public(&desk, "xylofone refund", "en").await), "xylophone refund");
    articles[2].audience = pb::Audience::Agents.into();
    desk.knowledge.put_articles(pb::PutArticlesRequest { articles: vec![articles.remove(2)] }).await.unwrap();
    desk.knowledge.delete_articles(pb::DeleteArticlesRequest { ids: vec!["gone".into()], language: String::new() }).await.unwrap();
    for query in ["glockenspeil refund", "xylofone refund", "glocken", "xylop"] {
        let reply = search_in_public(&desk, query, "en").await;
        assert_eq!(corrected(&reply), "", "{query}");
        assert!(!reply.to_string().contains("spiel") && !reply.to_string().contains("xylophone"), "{query}: {reply}");
    }
    desk.close().await;
}

#[tokio::test]
async fn an_internal_articles_id_is_not_revealed_by_what_can_be_opened() {
    let mut desk = Desk::empty().await;
    let articles = vec![
        article("refunds", "en", "Refunds", "A refund takes five working days.", pb::Audience::Public),
        article("secret", "en", "Secret", "For agents.", pb::Audience::Agents),
    ];
    desk.knowledge.put_articles(pb::PutArticlesRequest { articles }).await.unwrap();
    let search_id = search_in_public(&desk, "refund", "en").await["searchId"].as_str().unwrap().to_owned();
    let open = async |id: &str| {
        let body = serde_json::json!({ "searchId": search_id, "id": id });
        let url = format!("http://{}/help/opens", desk.address());
        let reply = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
        (reply.status().as_u16(), reply.text().await.unwrap().replace(id, "ID"))
    };
    assert_eq!(open("refunds").await.0, 200);
    let (internal, absent) = (open("secret").await, open("absent").await);
    assert_eq!(internal.0, 404, "{internal:?}");
    assert_eq!(internal, absent);
    desk.close().await;
}

#[tokio::test]
async fn one_agents_canned_answers_are_not_shown_to_another() {
    let mut desk = Desk::empty().await;
    let answer = |id: &str, owner: &str, body: &str| pb::CannedAnswer {
        id: id.into(),
        language: "en".into(),
        title: "Refund".into(),
        body: body.into(),
        visibility: if owner.is_empty() { pb::Visibility::Everyone } else { pb::Visibility::Agent }.into(),
        owner_agent_id: owner.into(),
        ..pb::CannedAnswer::default()
    };
    let shared = vec![answer("ours", "", "A refund takes five working days.")];
    desk.knowledge.put_canned_answers(pb::PutCannedAnswersRequest { canned_answers: shared }).await.unwrap();
    desk.append("c", vec![customer_says("e1", "where is my refnd, nightingale?"), agent_says("e2", "One moment.")]).await.unwrap();
    let suggest = |query: &str| pb::SuggestAnswersRequest {
        chat_id: "c".into(),
        agent: selin(),
        query: query.into(),
        language: "en".into(),
        ..pb::SuggestAnswersRequest::default()
    };
    let shown = async |desk: &mut Desk| {
        let mut shown = Vec::new();
        for query in ["", "refnd", "nightin refund"] {
            for suggestion in desk.suggest(suggest(query)).await {
                shown.push((suggestion.id, suggestion.score, suggestion.reason, suggestion.segments));
            }
        }
        shown
    };
    let before = shown(&mut desk).await;
    assert!(!before.is_empty());
    let anothers =
        (0..5).map(|number| answer(&format!("private-{number}"), "agent-ann", "Nightingale refnd, refunds for nightingale.")).collect();
    desk.knowledge.put_canned_answers(pb::PutCannedAnswersRequest { canned_answers: anothers }).await.unwrap();
    assert_eq!(shown(&mut desk).await, before);
    desk.close().await;
}

/// A document of a made-up shop.
#[derive(Debug, Clone)]
struct Made {
    language: &'static str,
    title: Vec<String>,
    body: Vec<String>,
    category: String,
    /// 0: a public article; others are not for the public's search.
    access: usize,
}

impl Made {
    fn document(&self, number: usize) -> NewDocument {
        let details = match self.access {
            0 => Details::Article { audience: Audience::Public, url: String::new() },
            1 => Details::Article { audience: Audience::Agents, url: String::new() },
            2 => Details::CannedAnswer { shortcut: String::new(), visibility: Visibility::Everyone, when: Conditions::default() },
            3 => Details::CannedAnswer {
                shortcut: String::new(),
                visibility: Visibility::Group("orders".into()),
                when: Conditions::default(),
            },
            _ => Details::CannedAnswer {
                shortcut: String::new(),
                visibility: Visibility::Agent("agent-selin".into()),
                when: Conditions::default(),
            },
        };
        let document = Document {
            id: Id::new(format!("d{number}")).unwrap(),
            language: Language::parse(self.language).unwrap(),
            title: self.title.join(" "),
            body: self.body.join(" "),
            category: self.category.clone(),
            tags: Vec::new(),
            asked: Vec::new(),
            from_folder: false,
            updated_at: jiff::Timestamp::UNIX_EPOCH,
            withdrawn: false,
            details,
        };
        NewDocument { document, updated_at: None }
    }
}

/// Words of few letters: many are near to others, and many begin as others do.
fn word() -> impl Strategy<Value = String> {
    "[abs]{2}[abcds]{2,7}"
}

fn made() -> impl Strategy<Value = Made> {
    let words = |count| prop::collection::vec(word(), count);
    let languages = prop::sample::select(vec!["en", "tr", "de-AT"]);
    (languages, words(1..3), words(2..12), word(), 0..5_usize).prop_map(|(language, title, body, category, access)| Made {
        language,
        title,
        body,
        category,
        access,
    })
}

/// A query of the documents' words, cut or misspelt.
fn query() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, char)>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0..8_usize, prop::sample::select(vec!['a', 'b', 'c', 'd', 's'])), 1..4)
}

fn written(made: &[Made], query: &[(prop::sample::Index, usize, char)]) -> String {
    let all: Vec<&String> = made.iter().flat_map(|made| made.title.iter().chain(&made.body)).collect();
    let word = |(index, at, letter): &(prop::sample::Index, usize, char)| {
        let mut word = index.get(&all).to_string();
        match at {
            0 => {}
            1 => word.truncate(word.len().min(4)),
            at => word.replace_range(at % word.len()..at % word.len() + 1, &letter.to_string()),
        }
        word
    };
    query.iter().map(word).collect::<Vec<String>>().join(" ")
}

fn all_text(hits: &Hits) -> String {
    let shown = hits.hits.iter().map(|hit| {
        let segments: Vec<String> = hit
            .title
            .iter()
            .chain(&hit.snippet)
            .map(|segment| format!("{}{}", segment.text, if segment.matched { "*" } else { "" }))
            .collect();
        format!("{} {:.5} {} {}", hit.document.id, hit.score, hit.document.category, segments.join("|"))
    });
    // Of two that fit alike, the order says nothing.
    let mut shown: Vec<String> = shown.collect();
    shown.sort();
    format!("{} {:?}\n{}", hits.total, hits.corrected, shown.join("\n"))
}

#[test]
fn the_public_gets_the_same_whatever_there_is_that_it_may_not_read() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let config = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    let strategy = (prop::collection::vec(made(), 2..24), prop::collection::vec(query(), 8));
    proptest!(config, |((made, queries) in strategy)| {
        let folder = tempfile::tempdir().unwrap();
        let (all, public) = (Workspace::new("all").unwrap(), Workspace::new("public").unwrap());
        let bases = runtime.block_on(async {
            let store = Store::open(&Store::sqlite_url(folder.path())).await.unwrap();
            let folders = vec![(all.clone(), None), (public.clone(), None)];
            let bases = KnowledgeBases::start(store, folders, folder.path(), 1 << 20, &Dictionaries::new(folder.path().into())).await.unwrap();
            let documents = |least: bool| made.iter().enumerate().filter(|(_, made)| least || made.access == 0).map(|(at, made)| made.document(at)).collect();
            bases.of(&all).put(documents(true)).await.unwrap();
            bases.of(&public).put(documents(false)).await.unwrap();
            bases
        });
        let folded = |text: &str| words(text, "").into_iter().map(|word| word.folded().to_owned()).collect::<Vec<String>>();
        let of = |made: &Made| folded(&format!("{} {} {}", made.title.join(" "), made.body.join(" "), made.category));
        let known: HashSet<String> = made.iter().filter(|made| made.access == 0).flat_map(of).collect();
        let internal: HashSet<String> = made.iter().filter(|made| made.access != 0).flat_map(of).filter(|word| !known.contains(word)).collect();
        for (number, query) in queries.iter().enumerate() {
            let query = written(&made, query);
            for language in ["en", "tr", "de"] {
                let search = Search {
                    query: query.clone(),
                    language: Language::parse(language).unwrap(),
                    category: String::new(),
                    tags: Vec::new(),
                    limit: 20,
                    offset: 0,
                    reader: Reader::public(),
                    meaning: None,
                };
                let hits = bases.of(&all).search(&search).unwrap();
                let typed = folded(&query);
                let shown = all_text(&hits);
                let leaked = folded(&shown).into_iter().find(|word| internal.contains(word) && !typed.contains(word));
                prop_assert!(leaked.is_none(), "{query} [{language}]: {leaked:?} in {shown}");
                let bare = bases.of(&public).search(&search).unwrap();
                prop_assert_eq!(&shown, &all_text(&bare), "{} [{}], query {}", &query, language, number);
            }
        }
    });
}
