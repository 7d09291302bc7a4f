//! Intercom: articles, collections and conversations.

use deskhand::api::pb;

use super::{check_folder, expect, files, import_into, import_texts, import_to, messages, notes, read};
use crate::support::desk::Desk;

#[tokio::test]
async fn intercom_articles_and_conversations() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["intercom/articles.json", "intercom/collections.json", "intercom/internal_articles.json"];
    let output = import_into("intercom", &names, folder.path(), &[]);
    expect(
        &output,
        0,
        &[
            "documents, new: 3",
            "drafts, left out: 2 (intercom-6871, intercom-6872)",
            "article.statistics: 1 (6871)",
            "article translation.author_id: 1 (6871)",
            "articles whose collection is not in the files, without a category: 1 (6872)",
        ],
    );
    let article = read(folder.path(), "articles/en/intercom-6871.md");
    assert!(article.contains("category: \"Orders\"") && article.contains("Within **14 days**."), "{article}");
    assert!(article.contains("url: \"https://help.kuzey.example/en/articles/6871-return\""), "{article}");
    assert!(read(folder.path(), "articles/tr/intercom-6871.md").contains("**14 gün** içinde."));
    check_folder(folder.path(), &["Még nem publikus", "Noch nicht"], &["Kulanz bis 25 €"]);

    let mut desk = Desk::empty().await;
    let output = import_to(&desk.address(), "intercom", files(&["intercom/conversations.json"]), &[]).await;
    expect(
        &output,
        0,
        &[
            "chats, with something new: 2",
            "conversation parts of type `assignment`: 1 (part-103)",
            "conversations of which the file has not all parts: 1 (901)",
        ],
    );
    let chat = desk.chat("intercom-900").await.unwrap();
    let state = chat.chat.unwrap();
    assert_eq!((state.status(), state.topic.as_str()), (pb::ChatStatus::Resolved, "szállítás"));
    let customer = state.customer.unwrap();
    assert_eq!(
        (customer.customer_id.as_str(), customer.name.as_str(), customer.email.as_str()),
        ("c-7", "Kovács Ágnes", "agnes@example.com")
    );
    assert_eq!(state.rating.unwrap().score, 4);
    let expected = [
        (pb::Author::Customer, "Mikor érkezik a csomagom?".to_owned()),
        (pb::Author::Agent, "Holnap érkezik, **délután**.".to_owned()),
        (pb::Author::Bot, "Segített?".to_owned()),
    ];
    assert_eq!(messages(&chat.events), expected);
    assert_eq!(notes(&chat.events), ["Raktár: úton van."]);
    expect(&import_to(&desk.address(), "intercom", files(&["intercom/conversations.json"]), &[]).await, 0, &["events, new: 0"]);
    desk.close().await;
}

#[test]
fn nested_collections_and_further_contacts_are_not_lost() {
    let collections = r#"{"type": "list", "data": [{"type": "collection", "id": "2", "name": "Returns", "parent_id": "1"}, {"type": "collection", "id": "1", "name": "Orders"}]}"#;
    let articles = r#"{"type": "list", "data": [
        {"type": "article", "id": "5", "parent_id": 2, "parent_ids": [2, 1], "title": "A", "body": "<p>Text</p>", "state": "published", "default_locale": "en"},
        {"type": "article", "id": "6", "parent_id": 2, "title": "B", "body": "<p>Hidden</p>", "default_locale": "en"},
        {"type": "article", "id": "7", "parent_id": 2, "title": "C", "body": "<p>Hidden</p>", "state": "scheduled", "default_locale": "en"}]}"#;
    let conversation = r#"{"type": "conversation", "id": "9", "created_at": 1767600000, "contacts": {"contacts": [{"id": "a"}, {"id": "b"}, {"id": "c"}]}}"#;
    let (folder, output) =
        import_texts("intercom", &[("a.json", articles), ("c.json", collections), ("x.json", conversation)], &["--language", "en"]);
    expect(
        &output,
        0,
        &[
            "documents, new: 1",
            "drafts, left out: 2 (intercom-6, intercom-7)",
            "articles of several collections, now of the first: 1 (5)",
            "further contacts of a conversation: 2 (9)",
        ],
    );
    let article = read(&folder.path().join("into"), "articles/en/intercom-5.md");
    assert!(article.contains("category: \"Orders / Returns\""), "{article}");
}
