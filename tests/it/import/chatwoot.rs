//! Chatwoot: canned responses, articles, and conversations with their pages of messages.

use deskhand::api::pb;

use super::{check_folder, events, expect, files, import_into, import_texts, import_texts_to, import_to, messages, notes, read};
use crate::support::desk::Desk;

#[tokio::test]
async fn chatwoot_answers_articles_and_conversations() {
    let folder = tempfile::tempdir().unwrap();
    let output = import_into("chatwoot", &["chatwoot/canned_responses.json", "chatwoot/articles.json"], folder.path(), &[]);
    expect(
        &output,
        0,
        &[
            "documents, new: 4",
            "drafts, left out: 1 (12)",
            "archived articles, left out: 1 (13)",
            "article.views: 1 (10)",
            "{{conversation.id}}",
        ],
    );
    let answer = read(folder.path(), "canned-answers/tr/chatwoot-1.md");
    assert!(answer.contains("shortcut: \"selam\"") && answer.contains("Merhaba {{customer.first_name}}, ben {{agent.name}}."), "{answer}");
    let article = read(folder.path(), "articles/de/chatwoot-10.md");
    assert!(article.contains("category: \"Lieferung\"") && article.contains("[Paket](https://cdn.kuzey.example/paket.png)"), "{article}");
    assert!(read(folder.path(), "articles/en/chatwoot-10.md").contains("two working days"));
    check_folder(folder.path(), &["Noch nicht fertig", "Nicht mehr gültig"], &[]);

    let mut desk = Desk::empty().await;
    let output = import_to(&desk.address(), "chatwoot", files(&["chatwoot/conversations.json"]), &[]).await;
    expect(&output, 0, &["chats, with something new: 2", "messages about what happened, such as an assignment: 1 (message-503)"]);
    let chat = desk.chat("chatwoot-41").await.unwrap();
    let state = chat.chat.unwrap();
    assert_eq!((state.status(), state.topic.as_str(), state.group.as_str()), (pb::ChatStatus::Resolved, "kargo", "orders"));
    let customer = state.customer.unwrap();
    assert_eq!((customer.customer_id.as_str(), customer.location.as_str()), ("chatwoot-77", "İzmir, Türkiye"));
    assert_eq!(customer.attributes["plan"], "gold");
    assert_eq!(state.rating.unwrap().comment, "Süper");
    let expected =
        [(pb::Author::Customer, "Kargom nerede?".to_owned()), (pb::Author::Agent, "Kargonuz yolda, yarın teslim edilir.".to_owned())];
    assert_eq!(messages(&chat.events), expected);
    assert_eq!(notes(&chat.events), ["Depoya soruldu."]);
    let other = desk.chat("chatwoot-42").await.unwrap().chat.unwrap();
    assert_eq!((other.channel(), other.channel_name.as_str()), (pb::Channel::Other, "Telegram"));
    let output = import_to(&desk.address(), "chatwoot", files(&["chatwoot/conversations.json"]), &[]).await;
    expect(&output, 0, &["chats, there already: 2", "events, new: 0"]);
    desk.close().await;
}

#[test]
fn portals_are_known_wherever_they_stand() {
    let articles = r#"{"payload": [
        {"id": 1, "title": "Eins", "content": "Mindestens eine Angabe fehlt.", "status": "published", "portal": {"slug": "help"}},
        {"id": 2, "title": "Old", "content": "Hidden", "status": "published", "portal": {"slug": "old"}},
        {"id": 3, "title": "Fr", "content": "Hidden", "status": "published", "locale": "fr", "portal": {"slug": "help"}},
        {"id": 4, "title": "None", "content": "Hidden", "portal": {"slug": "help"}}]}"#;
    let portals = r#"{"payload": [{"id": 1, "slug": "help", "archived": false, "config": {"default_locale": "nl", "draft_locales": ["fr"]}},
        {"id": 2, "slug": "old", "archived": true, "config": {"default_locale": "nl"}}]}"#;
    for texts in [[("a.json", articles), ("p.json", portals)], [("p.json", portals), ("a.json", articles)]] {
        let (folder, output) = import_texts("chatwoot", &texts, &[]);
        expect(
            &output,
            0,
            &[
                "documents, new: 1",
                "articles of an archived portal, left out: 1 (2)",
                "articles in a language that is a draft in its portal, left out: 1 (3)",
                "drafts, left out: 1 (4)",
            ],
        );
        let into = folder.path().join("into");
        assert!(read(&into, "articles/nl/chatwoot-1.md").contains("title: \"Eins\""));
        check_folder(&into, &["Hidden"], &[]);
    }
}

#[tokio::test]
async fn pages_of_messages_become_one_conversation_in_any_order() {
    let message = |id: i64, text: &str, kind: i64| serde_json::json!({"id": id, "content": text, "message_type": kind, "conversation_id": 41, "created_at": 1_767_600_000 + id / 2});
    let page = |messages: Vec<serde_json::Value>| {
        let meta = serde_json::json!({"labels": ["kargo"], "contact": {"id": 77, "name": "Özgür"}});
        serde_json::json!({"meta": meta, "payload": messages}).to_string()
    };
    let older = page(vec![message(1, "Bir", 0), message(2, "İki", 1), message(3, "Üç", 0)]);
    let newer = page(vec![message(3, "Üç", 0), message(4, "Dört", 1), message(5, "Beş", 0)]);
    let conversation = serde_json::json!({"id": 41, "inbox_id": 6, "status": "resolved", "created_at": 1_767_600_000, "labels": ["kargo"],
        "meta": {"sender": {"id": 77, "name": "Özgür", "email": "ozgur@example.com"}}, "messages": [message(5, "Beş", 0)]})
    .to_string();
    let texts = [("older.json", older.as_str()), ("newer.json", newer.as_str()), ("conversation.json", conversation.as_str())];
    let mut first: Option<Vec<pb::Event>> = None;
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut desk = Desk::empty().await;
        let output = import_texts_to(&desk.address(), "chatwoot", &order.map(|index| texts[index]), &[]).await;
        expect(&output, 0, &["chats, with something new: 1", "events, new: 10"]);
        let events = events(&mut desk, "chatwoot-41").await;
        let texts: Vec<String> = messages(&events).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["Bir", "İki", "Üç", "Dört", "Beş"], "{order:?}");
        let state = desk.chat("chatwoot-41").await.unwrap().chat.unwrap();
        assert_eq!((state.status(), state.customer.unwrap().email.as_str()), (pb::ChatStatus::Resolved, "ozgur@example.com"));
        assert_eq!(first.get_or_insert_with(|| events.clone()), &events, "{order:?}");
        desk.close().await;
    }
}
