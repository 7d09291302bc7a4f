//! Zammad: text modules, the knowledge base and tickets.

use deskhand::api::pb;

use super::{check_folder, expect, files, import_into, import_texts, import_to, messages, notes, read};
use crate::support::desk::Desk;

#[tokio::test]
async fn zammad_text_modules_knowledge_base_and_tickets() {
    let folder = tempfile::tempdir().unwrap();
    let output = import_into("zammad", &["zammad/text_modules.json", "zammad/knowledge_base.json"], folder.path(), &[]);
    expect(
        &output,
        0,
        &[
            "documents, new: 5",
            "text modules that are not active, left out: 1 (3)",
            "drafts, left out: 1 (13)",
            "archived answers, left out: 1 (14)",
            "answers whose content is not in the files; ask for it with `include_contents`: 1 (15)",
            "placeholder #{ticket.number}, which no chat fills: 1 (1)",
            "text module.note: 1 (1)",
        ],
    );
    let answer = read(folder.path(), "canned-answers/de/zammad-1.md");
    for part in [
        "title: \"Begrüßung\"",
        "tags: [\"hallo\", \"gruß\"]",
        "owner_group: \"Bestellungen\"",
        "Guten Tag {{customer.first_name}},",
        "{{agent.name}}",
    ] {
        assert!(answer.contains(part), "{part}: {answer}");
    }
    let article = read(folder.path(), "articles/de/zammad-11.md");
    assert!(article.contains("category: \"Rückgabe\"") && article.contains("**14 Tage**"), "{article}");
    assert!(read(folder.path(), "articles/hu/zammad-11.md").contains("category: \"Visszaküldés\""));
    check_folder(folder.path(), &["Nicht fertig", "Veraltet", "Nicht mehr"], &["Kulanz nur intern"]);

    let mut desk = Desk::empty().await;
    let output = import_to(&desk.address(), "zammad", files(&["zammad/tickets.json", "zammad/ticket_all.json"]), &[]).await;
    expect(&output, 1, &["tickets.json:2: ticket 502 has no `articles`", "chats, with something new: 2"]);
    let chat = desk.chat("zammad-501").await.unwrap();
    let state = chat.chat.unwrap();
    assert_eq!((state.status(), state.channel(), state.group.as_str()), (pb::ChatStatus::Resolved, pb::Channel::Email, "Bestellungen"));
    let expected =
        [(pb::Author::Customer, "Wann kommt mein Paket?".to_owned()), (pb::Author::Agent, "Ihr Paket kommt **morgen**.".to_owned())];
    assert_eq!(messages(&chat.events), expected);
    assert_eq!(notes(&chat.events), ["Lager gefragt."]);
    let other = desk.chat("zammad-77").await.unwrap();
    let customer = other.chat.unwrap().customer.unwrap();
    assert_eq!(
        (customer.customer_id.as_str(), customer.name.as_str(), customer.email.as_str()),
        ("zammad-9", "Ayşe Öztürk", "ayse@example.com")
    );
    assert_eq!(messages(&other.events), [(pb::Author::Customer, "Siparişim nerede?".to_owned())]);
    expect(&import_to(&desk.address(), "zammad", files(&["zammad/ticket_all.json"]), &[]).await, 0, &["events, new: 0"]);
    desk.close().await;
}

#[test]
fn nested_categories_are_kept_and_a_knowledge_base_that_is_off_is_left_out() {
    let tables = r#"{"KnowledgeBase": {"1": {"id": 1, "active": true}, "2": {"id": 2, "active": false}},
        "KnowledgeBaseLocale": {"1": {"id": 1, "locale": "de"}},
        "KnowledgeBaseCategory": {"5": {"id": 5, "knowledge_base_id": 1}, "6": {"id": 6, "parent_id": 5, "knowledge_base_id": 1}, "7": {"id": 7, "knowledge_base_id": 2}},
        "KnowledgeBaseCategoryTranslation": {"51": {"id": 51, "title": "Bestellungen", "kb_locale_id": 1, "category_id": 5},
            "61": {"id": 61, "title": "Rückgabe", "kb_locale_id": 1, "category_id": 6}, "71": {"id": 71, "title": "Aus", "kb_locale_id": 1, "category_id": 7}},
        "KnowledgeBaseAnswer": {"11": {"id": 11, "category_id": 6, "published_at": "2025-01-01T00:00:00Z", "archived_at": null},
            "12": {"id": 12, "category_id": 7, "published_at": "2025-01-01T00:00:00Z"},
            "13": {"id": 13, "category_id": 6, "published_at": "2025-01-01T00:00:00Z", "archived_at": "yesterday"},
            "14": {"id": 14, "category_id": 6, "published_at": "2999-01-01T00:00:00Z"}},
        "KnowledgeBaseAnswerTranslation": {"1": {"id": 1, "title": "A", "kb_locale_id": 1, "answer_id": 11, "content_id": 1},
            "2": {"id": 2, "title": "B", "kb_locale_id": 1, "answer_id": 12, "content_id": 2}, "3": {"id": 3, "title": "C", "kb_locale_id": 1, "answer_id": 13, "content_id": 2},
            "4": {"id": 4, "title": "D", "kb_locale_id": 1, "answer_id": 14, "content_id": 2}},
        "KnowledgeBaseAnswerTranslationContent": {"1": {"id": 1, "body": "<p>Text</p>"}, "2": {"id": 2, "body": "<p>Verborgen</p>"}}}"#;
    let (folder, output) = import_texts("zammad", &[("kb.json", tables)], &[]);
    expect(
        &output,
        0,
        &[
            "documents, new: 1",
            "answers of a knowledge base that is not active, left out: 1 (12)",
            "archived answers, left out: 1 (13)",
            "drafts, left out: 1 (14)",
        ],
    );
    let article = read(&folder.path().join("into"), "articles/de/zammad-11.md");
    assert!(article.contains("category: \"Bestellungen / Rückgabe\""), "{article}");
}
