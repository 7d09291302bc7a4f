//! KnowledgeService on the plain path.

use deskhand::api::pb;
use tonic::Code;

use crate::support::desk::{Desk, customer_says, eventually, refused, selin};

fn article(id: &str, language: &str, title: &str, body: &str) -> pb::Article {
    pb::Article { id: id.into(), language: language.into(), title: title.into(), body: body.into(), ..pb::Article::default() }
}

async fn put(desk: &mut Desk, articles: Vec<pb::Article>) -> Vec<pb::PutStatus> {
    let reply = desk.knowledge.put_articles(pb::PutArticlesRequest { articles }).await.unwrap().into_inner();
    reply.results.iter().map(pb::PutResult::status).collect()
}

fn ids(reply: &pb::SearchResponse) -> Vec<&str> {
    reply.hits.iter().map(|hit| hit.id.as_str()).collect()
}

#[tokio::test]
async fn a_put_document_can_be_found_once_the_call_returns() {
    let mut desk = Desk::empty().await;
    let first = article("a", "en", "Garden chairs", "They fold.");
    assert_eq!(put(&mut desk, vec![first.clone()]).await, [pb::PutStatus::Created]);
    assert_eq!(ids(&desk.search("chair", "en").await), ["a"]);
    assert_eq!(put(&mut desk, vec![first.clone()]).await, [pb::PutStatus::Unchanged]);
    let second = pb::Article { title: "Garden tables".into(), ..first.clone() };
    assert_eq!(put(&mut desk, vec![second]).await, [pb::PutStatus::Updated]);
    assert_eq!(desk.search("chair", "en").await.total, 0);
    assert_eq!(ids(&desk.search("table", "en").await), ["a"]);

    let old = pb::Article { updated_at: Some(prost_types::Timestamp { seconds: 1_000_000_000, nanos: 0 }), ..first };
    assert_eq!(put(&mut desk, vec![old]).await, [pb::PutStatus::Stale]);
    assert_eq!(ids(&desk.search("table", "en").await), ["a"]);

    let delete = pb::DeleteArticlesRequest { ids: vec!["a".into(), "unknown".into()], language: String::new() };
    assert_eq!(desk.knowledge.delete_articles(delete).await.unwrap().into_inner().deleted, 1);
    assert_eq!(desk.search("table", "en").await.total, 0);
    let get = pb::GetArticleRequest { id: "a".into(), language: "en".into() };
    refused(&desk.knowledge.get_article(get).await.unwrap_err(), Code::NotFound, "DOCUMENT_NOT_FOUND");
    desk.close().await;
}

#[tokio::test]
async fn people_find_things_as_they_type_them() {
    let mut desk = Desk::without_model().await;
    for (query, language, expected) in [
        ("iade", "tr", "return-an-item"),
        ("IADE NASIL", "tr", "return-an-item"),
        ("sifremi unuttum", "tr", "reset-password"),
        ("gumruk", "tr", "customs-and-duties"),
        ("taksit", "tr", "instalments"),
        ("szallitasi ido", "hu", "delivery-times"),
        ("számla", "hu", "get-your-invoice"),
        ("Grösse", "de", "size-guide"),
        ("GROESSE", "de", "size-guide"),
        ("Rechnung", "de", "get-your-invoice"),
        ("forgot my passw", "en", "reset-password"),
        ("how to return someth", "en", "return-an-item"),
        ("gift card", "en", "gift-cards"),
    ] {
        let reply = desk.search(query, language).await;
        assert!(ids(&reply).iter().take(3).any(|id| *id == expected), "{query}: {:?}", ids(&reply));
        assert!(reply.hits.iter().all(|hit| hit.language == language), "{query}");
        assert!(reply.hits.iter().all(|hit| (0.0..=1.0).contains(&hit.score)), "{query}");
        assert!(reply.hits.windows(2).all(|pair| pair[0].score >= pair[1].score), "{query}");
    }
    desk.close().await;
}

#[tokio::test]
async fn matches_are_highlighted_in_the_title_and_the_snippet() {
    let mut desk = Desk::empty().await;
    put(&mut desk, vec![article("a", "tr", "Siparişlerim <b>nerede</b>?", "İlk paragraf.\n\nKargo 3 günde gelir, siparişiniz yoldadır.")])
        .await;
    let reply = desk.search("siparis", "tr").await;
    let hit = &reply.hits[0];
    let joined = |segments: &[pb::Segment]| segments.iter().map(|segment| segment.text.as_str()).collect::<String>();
    assert_eq!(joined(&hit.title), "Siparişlerim <b>nerede</b>?");
    assert_eq!((hit.title[0].kind(), hit.title[0].text.as_str()), (pb::SegmentKind::Matched, "Siparişlerim"));
    assert_eq!(joined(&hit.snippet), "Kargo 3 günde gelir, siparişiniz yoldadır.");
    assert!(hit.snippet.iter().any(|segment| segment.kind() == pb::SegmentKind::Matched && segment.text == "siparişiniz"));
    desk.close().await;
}

#[tokio::test]
async fn a_pages_language_comes_first_and_others_fill_up() {
    let mut desk = Desk::empty().await;
    put(
        &mut desk,
        vec![
            article("both", "de", "Kulanz", "Unsere Kulanz."),
            article("both", "en", "Goodwill, in German Kulanz", "What Kulanz means."),
            article("german", "de", "Kulanz im Ausland", "Mehr über Kulanz."),
        ],
    )
    .await;
    let reply = desk.search("kulanz", "en").await;
    assert_eq!((ids(&reply), reply.hits[0].language.as_str()), (vec!["both"], "en"));
    let reply = desk.search("ausland", "en").await;
    assert_eq!((ids(&reply), reply.hits[0].language.as_str()), (vec!["german"], "de"));
    desk.close().await;
}

#[tokio::test]
async fn filters_and_pages_narrow_a_search() {
    let mut desk = Desk::empty().await;
    let articles = (0..15)
        .map(|number| pb::Article {
            category: if number < 5 { "one".into() } else { "two".into() },
            tags: if number % 2 == 0 { vec!["even".into()] } else { Vec::new() },
            ..article(&format!("a{number:02}"), "en", &format!("Lamp number {number}"), "A lamp.")
        })
        .collect();
    put(&mut desk, articles).await;
    let request = pb::SearchRequest { query: "lamp".into(), language: "en".into(), ..pb::SearchRequest::default() };
    let mut search = async |request: pb::SearchRequest| desk.knowledge.search(request).await.unwrap().into_inner();
    let first = search(request.clone()).await;
    assert_eq!((first.total, first.hits.len()), (15, 10));
    let second = search(pb::SearchRequest { offset: 10, ..request.clone() }).await;
    assert_eq!(second.hits.len(), 5);
    assert!(second.hits.iter().all(|hit| !ids(&first).contains(&hit.id.as_str())));
    assert_eq!(search(pb::SearchRequest { category: "one".into(), ..request.clone() }).await.total, 5);
    assert_eq!(search(pb::SearchRequest { category: "one".into(), tags: vec!["even".into()], ..request }).await.total, 3);
    desk.close().await;
}

#[tokio::test]
async fn an_article_comes_in_the_nearest_language() {
    let mut desk = Desk::without_model().await;
    for (asked, got) in [("tr", "tr"), ("de-AT", "de"), ("fr", "en"), ("", "en")] {
        let request = pb::GetArticleRequest { id: "delivery-times".into(), language: asked.into() };
        let article = desk.knowledge.get_article(request).await.unwrap().into_inner().article.unwrap();
        assert_eq!(article.language, got, "{asked}");
        assert!(article.from_folder);
    }
    desk.close().await;
}

#[tokio::test]
async fn the_folders_documents_are_changed_in_the_folder() {
    let mut desk = Desk::without_model().await;
    let articles = vec![article("new-one", "en", "New", "Text"), article("delivery-times", "en", "Mine", "Mine")];
    let status = desk.knowledge.put_articles(pb::PutArticlesRequest { articles }).await.unwrap_err();
    refused(&status, Code::FailedPrecondition, "FOLDER_DOCUMENT");
    let get = pb::GetArticleRequest { id: "new-one".into(), language: "en".into() };
    refused(&desk.knowledge.get_article(get).await.unwrap_err(), Code::NotFound, "DOCUMENT_NOT_FOUND");
    let delete = pb::DeleteCannedAnswersRequest { ids: vec!["order-shipped".into()], language: String::new() };
    refused(&desk.knowledge.delete_canned_answers(delete).await.unwrap_err(), Code::FailedPrecondition, "FOLDER_DOCUMENT");
    desk.close().await;
}

#[tokio::test]
async fn lists_page_through_everything_once() {
    let mut desk = Desk::without_model().await;
    let mut seen: Vec<(String, String)> = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = pb::ListArticlesRequest { page_size: 30, page_token, ..pb::ListArticlesRequest::default() };
        let page = desk.knowledge.list_articles(request).await.unwrap().into_inner();
        seen.extend(page.articles.into_iter().map(|article| (article.id, article.language)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert!(seen.len() >= 30 + 30 + 12 + 12, "{} articles", seen.len());
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "in order, each once");

    let request =
        pb::ListArticlesRequest { audience: pb::Audience::Agents.into(), language: "en".into(), ..pb::ListArticlesRequest::default() };
    let page = desk.knowledge.list_articles(request).await.unwrap().into_inner();
    assert!(!page.articles.is_empty() && page.articles.iter().all(|article| article.category == "agents"));
    let request = pb::ListCannedAnswersRequest { visibility: pb::Visibility::Group.into(), ..pb::ListCannedAnswersRequest::default() };
    let page = desk.knowledge.list_canned_answers(request).await.unwrap().into_inner();
    assert!(!page.canned_answers.is_empty() && page.canned_answers.iter().all(|answer| answer.owner_group == "returns"));
    desk.close().await;
}

#[tokio::test]
async fn how_customers_ask_and_conditions_are_kept_and_a_change_of_them_is_one() {
    let mut desk = Desk::empty().await;
    let answer = pb::CannedAnswer {
        id: "on-its-way".into(),
        language: "en".into(),
        title: "On its way".into(),
        body: "Your parcel is on its way.".into(),
        asked: vec!["where is my stuff".into()],
        when: vec!["record.order.status in (shipped, Out for delivery)".into(), "channel != phone".into()],
        ..pb::CannedAnswer::default()
    };
    let changed = pb::CannedAnswer { when: answer.when[..1].to_vec(), ..answer.clone() };
    let asked = pb::CannedAnswer { asked: vec!["where is my parcel".into()], ..changed.clone() };
    let statuses = [pb::PutStatus::Created, pb::PutStatus::Unchanged, pb::PutStatus::Updated, pb::PutStatus::Updated];
    for (answer, status) in [answer.clone(), answer, changed, asked].into_iter().zip(statuses) {
        let put = pb::PutCannedAnswersRequest { canned_answers: vec![answer.clone()] };
        assert_eq!(desk.knowledge.put_canned_answers(put).await.unwrap().into_inner().results[0].status(), status);
        let list = pb::ListCannedAnswersRequest::default();
        let kept = desk.knowledge.list_canned_answers(list).await.unwrap().into_inner().canned_answers.remove(0);
        assert_eq!((kept.asked, kept.when), (answer.asked, answer.when));
    }
    let request = pb::SuggestAnswersRequest { agent: selin(), query: "parcel".into(), ..pb::SuggestAnswersRequest::default() };
    assert_eq!(desk.suggest(request).await[0].when, ["record.order.status in (shipped, Out for delivery)"]);

    let article = pb::Article { asked: vec!["how big".into()], ..article("sizes", "en", "Sizes", "Measure.") };
    assert_eq!(put(&mut desk, vec![article.clone()]).await, [pb::PutStatus::Created]);
    let kept = desk.knowledge.list_articles(pb::ListArticlesRequest::default()).await.unwrap().into_inner().articles.remove(0);
    assert_eq!(kept.asked, article.asked);
    desk.close().await;
}

#[tokio::test]
async fn a_canned_answer_is_offered_to_its_owners_alone() {
    let mut desk = Desk::empty().await;
    let answer = |id: &str, visibility: pb::Visibility, group: &str, agent: &str| pb::CannedAnswer {
        id: id.into(),
        language: "en".into(),
        title: format!("Voucher {id}"),
        body: "Here is your voucher.".into(),
        shortcut: format!("/{id}"),
        visibility: visibility.into(),
        owner_group: group.into(),
        owner_agent_id: agent.into(),
        ..pb::CannedAnswer::default()
    };
    let canned_answers = vec![
        answer("all", pb::Visibility::Everyone, "", ""),
        answer("mine", pb::Visibility::Agent, "", "agent-selin"),
        answer("theirs", pb::Visibility::Agent, "", "agent-mert"),
        answer("ours", pb::Visibility::Group, "orders", ""),
        answer("other-group", pb::Visibility::Group, "returns", ""),
    ];
    desk.knowledge.put_canned_answers(pb::PutCannedAnswersRequest { canned_answers }).await.unwrap();
    let request = pb::SuggestAnswersRequest { agent: selin(), query: "voucher".into(), ..pb::SuggestAnswersRequest::default() };
    let mut offered: Vec<String> = desk.suggest(request.clone()).await.into_iter().map(|suggestion| suggestion.id).collect();
    offered.sort();
    assert_eq!(offered, ["all", "mine", "ours"]);
    for (query, expected) in [("voucher -mine", vec!["all", "ours"]), ("\"voucher ours\"", vec!["ours"])] {
        let narrowed = pb::SuggestAnswersRequest { query: query.into(), ..request.clone() };
        let mut offered: Vec<String> = desk.suggest(narrowed).await.into_iter().map(|suggestion| suggestion.id).collect();
        offered.sort();
        assert_eq!(offered, expected, "{query}");
    }
    let by_shortcut = desk.suggest(pb::SuggestAnswersRequest { query: "/theirs".into(), ..request }).await;
    assert!(by_shortcut.is_empty());
    desk.close().await;
}

#[tokio::test]
async fn the_report_counts_searches_opens_and_ratings() {
    let mut desk = Desk::without_model().await;
    for query in ["ref", "refu", "refund"] {
        let request =
            pb::SearchRequest { query: query.into(), language: "en".into(), session_id: "s1".into(), ..pb::SearchRequest::default() };
        desk.knowledge.search(request).await.unwrap();
    }
    let search = desk.search("instalments", "en").await;
    desk.search("qqqqqqqq", "en").await;
    let open = pb::RecordOpenRequest { search_id: search.search_id.clone(), id: "refunds".into() };
    desk.knowledge.record_open(open.clone()).await.unwrap();
    desk.knowledge.record_open(open).await.unwrap();
    for helpful in [true, false] {
        let request = pb::RateArticleRequest {
            id: "refunds".into(),
            language: "en".into(),
            helpful,
            reason: "too long".into(),
            rating_id: "r1".into(),
        };
        desk.knowledge.rate_article(request).await.unwrap();
    }
    desk.append("c", vec![customer_says("m", "hello")]).await.unwrap();
    let request = pb::SuggestAnswersRequest {
        chat_id: "c".into(),
        query: "/refund".into(),
        language: "en".into(),
        ..pb::SuggestAnswersRequest::default()
    };
    let suggestions = desk.suggest(request).await;

    // What was shown is written behind the answer; an outcome waits until it is.
    let offer = pb::record_outcome_request::Offer::SuggestionId(suggestions[0].suggestion_id.clone());
    let outcome = pb::RecordOutcomeRequest {
        chat_id: "c".into(),
        outcome_id: "o1".into(),
        offer: Some(offer),
        action: pb::OutcomeAction::Dismissed.into(),
        ..pb::RecordOutcomeRequest::default()
    };
    desk.replies.record_outcome(outcome).await.unwrap();

    let report = desk.knowledge.get_search_report(pb::GetSearchReportRequest::default()).await.unwrap().into_inner();
    assert_eq!((report.searches, report.searches_without_hit), (3, 1), "a query typed letter by letter is one");
    assert!(report.queries.iter().any(|query| query.query == "refund") && !report.queries.iter().any(|query| query.query == "ref"));
    assert_eq!((report.opens[0].id.as_str(), report.opens[0].opens), ("refunds", 1));
    let rating = &report.ratings[0];
    assert_eq!((rating.helpful, rating.unhelpful, rating.reasons.len()), (0, 1, 1), "the same rating overwrites");
    assert_eq!(report.answers.len(), suggestions.len());

    let unknown = pb::RecordOpenRequest { search_id: "no-such".into(), id: "refunds".into() };
    refused(&desk.knowledge.record_open(unknown).await.unwrap_err(), Code::NotFound, "SEARCH_NOT_FOUND");
    let unknown = pb::RecordOpenRequest { search_id: search.search_id, id: "no-such".into() };
    refused(&desk.knowledge.record_open(unknown).await.unwrap_err(), Code::NotFound, "DOCUMENT_NOT_FOUND");
    let unknown = pb::RateArticleRequest { id: "no-such".into(), rating_id: "r".into(), ..pb::RateArticleRequest::default() };
    refused(&desk.knowledge.rate_article(unknown).await.unwrap_err(), Code::NotFound, "DOCUMENT_NOT_FOUND");
    desk.close().await;
}

#[tokio::test]
async fn the_report_names_nobody() {
    let mut desk = Desk::without_model().await;
    for query in ["refund KE-2", "refund KE-2048", "refund KE-204815 ann@example.com"] {
        let request =
            pb::SearchRequest { query: query.into(), language: "en".into(), session_id: "s1".into(), ..pb::SearchRequest::default() };
        desk.knowledge.search(request).await.unwrap();
    }
    let knowledge = desk.knowledge.clone();
    eventually("the searches are written", async || {
        let report = knowledge.clone().get_search_report(pb::GetSearchReportRequest::default()).await.unwrap().into_inner();
        let queries: Vec<&str> = report.queries.iter().map(|query| query.query.as_str()).collect();
        assert!(!queries.iter().any(|query| query.contains("2048") || query.contains("ann")), "{queries:?}");
        queries == ["refund ⟦…⟧ ⟦…⟧"]
    })
    .await;
    desk.close().await;
}
