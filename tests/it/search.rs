//! Search as people type: misspelt, half typed, without accents; quoted and excluded; in any script.

use std::time::{Duration, Instant};

use deskhand::api::pb;
use proptest::prelude::*;

use crate::support::desk::{Desk, agent_says, customer_says};

async fn desk_with(articles: &[(&str, &str, &str, &str)]) -> Desk {
    let mut desk = Desk::empty().await;
    let articles = articles
        .iter()
        .map(|(id, language, title, body)| pb::Article {
            id: (*id).to_owned(),
            language: (*language).to_owned(),
            title: (*title).to_owned(),
            body: (*body).to_owned(),
            ..pb::Article::default()
        })
        .collect();
    desk.knowledge.put_articles(pb::PutArticlesRequest { articles }).await.unwrap();
    desk
}

fn ids(reply: &pb::SearchResponse) -> Vec<&str> {
    reply.hits.iter().map(|hit| hit.id.as_str()).collect()
}

fn matched(segments: &[pb::Segment]) -> Vec<&str> {
    segments.iter().filter(|segment| segment.kind() == pb::SegmentKind::Matched).map(|segment| segment.text.as_str()).collect()
}

#[tokio::test]
async fn misspelt_and_half_typed_words_are_found() {
    let mut desk = Desk::without_model().await;
    for (query, language, expected) in [
        ("retrun an item", "en", "return-an-item"),
        ("pasword", "en", "reset-password"),
        ("instalmnts", "en", "instalments"),
        ("forgot my psswo", "en", "reset-password"),
        ("sifremi unutum", "tr", "reset-password"),
        ("gumrk", "tr", "customs-and-duties"),
        ("szalitasi ido", "hu", "delivery-times"),
        ("grössentabele", "de", "size-guide"),
    ] {
        let reply = desk.search(query, language).await;
        assert!(ids(&reply).iter().take(3).any(|id| *id == expected), "{query}: {:?}", ids(&reply));
    }
    desk.close().await;
}

#[tokio::test]
async fn misspelt_words_are_shown_as_the_articles_write_them() {
    let mut desk = desk_with(&[
        ("a", "tr", "Şifremi unuttum", "Yeni bir şifre alın."),
        ("b", "tr", "Kargo ücreti", "Kargo 3 günde gelir. Kod: AB1234."),
        ("c", "tr", "Ödeme", "Kartla ödeyin."),
    ])
    .await;
    let reply = desk.search("Sifrmi unuttum", "tr").await;
    assert_eq!((ids(&reply)[0], reply.corrected_query.as_str()), ("a", "şifremi unuttum"));
    assert_eq!(matched(&reply.hits[0].title), ["Şifremi", "unuttum"]);
    assert_eq!(desk.search("şifremi", "tr").await.corrected_query, "", "nothing was misspelt");
    // Numbers and codes are right or wrong.
    assert_eq!(ids(&desk.search("AB1234", "tr").await), ["b"]);
    assert_eq!(desk.search("AB1235", "tr").await.total, 0);
    desk.close().await;
}

#[tokio::test]
async fn quotes_bind_and_a_minus_excludes() {
    let mut desk = desk_with(&[
        ("together", "en", "Vouchers", "A gift card can be sent by mail."),
        ("apart", "en", "Things", "A card for a gift, in plastic."),
        ("other", "en", "Returns", "Send it back."),
    ])
    .await;
    assert_eq!(ids(&desk.search("\"gift card\"", "en").await), ["together"]);
    assert_eq!(ids(&desk.search("gift -plastic", "en").await), ["together"]);
    assert_eq!(ids(&desk.search("card -\"gift card\"", "en").await), ["apart"]);
    assert_eq!(ids(&desk.search("“Gift Card” mail", "en").await), ["together"]);
    let both = desk.search("gift card", "en").await;
    assert_eq!(ids(&both), ["together", "apart"], "words that stand together count more");
    assert_eq!(desk.search("-gift", "en").await.total, 0, "what is excluded finds nothing by itself");
    desk.close().await;
}

#[tokio::test]
async fn what_means_the_same_is_found_also_by_half_a_word() {
    let mut desk = desk_with(&[
        ("refund", "en", "Refunds", "When the money comes back."),
        ("size", "en", "Sizes", "How to measure."),
        ("iade", "tr", "Para iadesi", "Ücret geri yatırılır."),
        ("bill", "de", "Rechnung", "So kommt der Beleg."),
        ("szamla", "hu", "Számla", "A vásárlásról."),
    ])
    .await;
    for (query, language, expected) in
        [("reimbursement", "en", "refund"), ("reimbur", "en", "refund"), ("Quittung", "de", "bill"), ("bizonylat", "hu", "szamla")]
    {
        assert_eq!(ids(&desk.search(query, language).await).first(), Some(&expected), "{query}");
    }
    desk.close().await;
}

#[tokio::test]
async fn scripts_without_spaces_are_searched_by_words() {
    let mut desk = desk_with(&[
        ("zh-return", "zh", "如何退货", "您可以在三十天内退货并获得退款。"),
        ("zh-pay", "zh", "付款方式", "我们接受信用卡和银行转账。"),
        ("th-return", "th", "การคืนสินค้า", "คุณสามารถคืนสินค้าได้ภายในสามสิบวัน"),
        ("th-pay", "th", "วิธีชำระเงิน", "เรารับบัตรเครดิตและโอนเงินผ่านธนาคาร"),
        ("ja-return", "ja", "返品について", "商品は三十日以内に返品できます。"),
        ("ja-pay", "ja", "お支払い方法", "クレジットカードがご利用いただけます。"),
    ])
    .await;
    for (query, language, expected) in [
        ("退款", "zh", "zh-return"),
        ("信用卡付款", "zh", "zh-pay"),
        ("คืนสินค้า", "th", "th-return"),
        ("บัตรเครดิต", "th", "th-pay"),
        ("返品", "ja", "ja-return"),
        ("クレジットカード", "ja", "ja-pay"),
    ] {
        let reply = desk.search(query, language).await;
        assert_eq!(ids(&reply).first(), Some(&expected), "{query}");
        assert!(
            reply.hits[0].title.iter().chain(&reply.hits[0].snippet).any(|segment| segment.kind() == pb::SegmentKind::Matched),
            "{query}"
        );
    }
    desk.close().await;
}

#[tokio::test]
async fn equal_articles_keep_their_order_whatever_the_index_looks_like() {
    let article = |id: &str| pb::Article {
        id: id.into(),
        language: "en".into(),
        title: "Gift card".into(),
        body: "Text.".into(),
        ..pb::Article::default()
    };
    let mut orders = Vec::new();
    for calls in [vec!["c", "a", "d", "b"], vec!["b", "d", "a", "c"], vec!["abcd"]] {
        let mut desk = Desk::empty().await;
        for call in calls {
            let articles = call.chars().map(|id| article(&id.to_string())).collect();
            desk.knowledge.put_articles(pb::PutArticlesRequest { articles }).await.unwrap();
        }
        let found = desk.search("gift card", "en").await;
        orders.push(ids(&found).into_iter().map(str::to_owned).collect::<Vec<String>>());
        desk.close().await;
    }
    assert_eq!(orders[0].len(), 4);
    assert!(orders.iter().all(|order| *order == orders[0]), "{orders:?}");
}

#[tokio::test]
async fn the_whole_chat_finds_the_category_and_the_last_turn_the_article() {
    let mut desk = Desk::empty().await;
    let article = |id: &str, category: &str, title: &str, body: &str| pb::Article {
        id: id.into(),
        language: "en".into(),
        title: title.into(),
        body: body.into(),
        category: category.into(),
        ..pb::Article::default()
    };
    let articles = vec![
        article("boat-price", "boat", "What it costs", "The tour costs 20 a head."),
        article("boat-about", "boat", "About the boat", "The boat leaves the harbour at noon. A boat tour of the harbour."),
        article("museum-price", "museum", "What it costs", "The tour costs 15 a head."),
        article("museum-about", "museum", "About the museum", "The museum shows paintings. A museum tour."),
    ];
    desk.knowledge.put_articles(pb::PutArticlesRequest { articles }).await.unwrap();
    for (chat, place) in [("one", "boat"), ("two", "museum")] {
        let events = vec![
            customer_says("e1", &format!("I want to see the {place} tomorrow")),
            customer_says("e2", "what does the tour cost a head?"),
        ];
        desk.append(chat, events).await.unwrap();
        let suggestions =
            desk.suggest(pb::SuggestAnswersRequest { chat_id: chat.into(), language: "en".into(), ..Default::default() }).await;
        assert_eq!(suggestions[0].id, format!("{place}-price"));
        assert!(suggestions.windows(2).all(|pair| pair[0].score >= pair[1].score));
    }
    desk.close().await;
}

#[tokio::test]
async fn what_the_customer_has_already_goes_down() {
    let mut desk = Desk::empty().await;
    let answer = |id: &str, body: &str| pb::CannedAnswer {
        id: id.into(),
        language: "en".into(),
        title: "Refund".into(),
        body: body.into(),
        ..pb::CannedAnswer::default()
    };
    let canned_answers = vec![
        answer("first", "Hello {{customer.first_name}}, a refund takes five days."),
        answer("second", "Hello {{customer.first_name}}, a refund takes one week."),
    ];
    desk.knowledge.put_canned_answers(pb::PutCannedAnswersRequest { canned_answers }).await.unwrap();
    let suggest = || pb::SuggestAnswersRequest { chat_id: "c".into(), language: "en".into(), ..Default::default() };
    desk.append("c", vec![customer_says("e1", "how long does my refund take?")]).await.unwrap();
    let before: Vec<String> = desk.suggest(suggest()).await.into_iter().map(|suggestion| suggestion.id).collect();
    let text = if before[0] == "first" { "Hello Ann, a refund takes five days." } else { "Hello Ann, a refund takes one week." };
    desk.append("c", vec![agent_says("e2", text), customer_says("e3", "how long does my refund take?")]).await.unwrap();
    let after: Vec<String> = desk.suggest(suggest()).await.into_iter().map(|suggestion| suggestion.id).collect();
    assert_eq!([&after[0], &after[1]], [&before[1], &before[0]]);
    desk.close().await;
}

#[tokio::test]
async fn nothing_that_is_typed_breaks_the_search() {
    let mut desk = Desk::without_model().await;
    let odd = [
        "(".repeat(1000) + &")".repeat(1000),
        "a".repeat(2000),
        "a ".repeat(1000),
        "\"".repeat(2000),
        "-".repeat(2000),
        "-\"".repeat(1000),
        ".*[a-z]+(?:x|y){1,99}$ OR title:* AND NOT ~2^4".to_owned(),
        "👩‍👩‍👧‍👦".repeat(100),
        "\u{202e}iade\u{200f} \u{feff}".repeat(50),
        "e\u{301}".repeat(900),
        "日本語".repeat(600),
        "ا".repeat(2000),
    ];
    for query in odd {
        let start = Instant::now();
        let reply = desk.search(&query, "tr").await;
        assert!(reply.hits.len() <= 10);
        // A bound against what grows out of hand, far above what it takes.
        assert!(start.elapsed() < Duration::from_secs(5), "{:?} {}", start.elapsed(), &query.chars().take(20).collect::<String>());
    }
    desk.close().await;
}

#[test]
fn any_text_is_a_query() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let desk = runtime.block_on(Desk::without_model());
    let desk = std::sync::Mutex::new(Some(desk));
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    let any = ("[\\PC\"-]{1,80}", prop::sample::select(vec!["tr", "hu", "de", "en", "zh", "th", "xx"]));
    proptest!(config, |((query, language) in any)| {
        let mut held = desk.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let reply = runtime.block_on(held.as_mut().unwrap().search(&query, language));
        for hit in &reply.hits {
            prop_assert!((0.0..=1.0).contains(&hit.score));
            prop_assert!(!hit.title.is_empty());
        }
        prop_assert!(reply.hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
    });
    let desk = desk.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take().unwrap();
    runtime.block_on(desk.close());
}
