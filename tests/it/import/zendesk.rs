//! Zendesk: the Help Center, macros and tickets.

use std::fs;

use deskhand::api::pb::{self, event::Body};

use super::{
    all_text, check_folder, events, expect, file, files, import_into, import_texts, import_to, messages, notes, read, run, seconds,
};
use crate::support::desk::Desk;

#[test]
fn zendesk_documents_become_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["zendesk/articles.json", "zendesk/places.json", "zendesk/translations.json", "zendesk/macros.json", "zendesk/people.json"];
    let output = import_into("zendesk", &names, folder.path(), &["--picture-host", "cdn.kuzey.example"]);
    expect(
        &output,
        1,
        &[
            "articles.json:1: `zendesk-360004` has no text",
            "documents, new: 7",
            "drafts, left out: 2 (360002, 360001)",
            "articles for a segment of users, now for agents alone: 1 (360003)",
            "macros that are not active, left out: 1 (27)",
            "macros with an internal comment, now articles for agents: 1 (26)",
            "macros without a comment, left out: 1 (29)",
            "macro action `set_tags`: 2 (25, 29)",
            "placeholder {{ticket.id}}, which no chat fills: 1 (25)",
            "pictures of elsewhere.example as links; --picture-host elsewhere.example keeps them: 1 (360001)",
            "<iframe> in HTML: 1 (360001)",
            "article.vote_sum: 1 (360001)",
            "article.content_tag_ids: 1 (360001)",
            "translation.outdated: 1 (2)",
            "translations of a section: 1 (5)",
            "section.description: 1 (5001)",
            "macro.description: 1 (25)",
            "broken: 1",
        ],
    );
    let article = read(folder.path(), "articles/tr/zendesk-360001.md");
    for part in [
        "title: \"Ürün nasıl iade edilir?\"",
        "category: \"Siparişler / İadeler\"",
        "tags: [\"iade\", \"para iadesi\"]",
        "url: \"https://kuzey.zendesk.com/hc/tr/articles/360001-iade\"",
        "updated_at: 2026-01-15T10:30:00Z",
        "## Süre",
        "**14 gün**",
        "- Fatura gerekmez.",
        "![Kutu](https://cdn.kuzey.example/kutu.png)",
        "[Etiket](https://elsewhere.example/a.png)",
    ] {
        assert!(article.contains(part), "{part}: {article}");
    }
    assert!(read(folder.path(), "articles/hu/zendesk-360001.md").contains("*14 napon* belül"));
    let answer = read(folder.path(), "canned-answers/tr/zendesk-25.md");
    assert!(answer.contains("title: \"Onay\"\ncategory: \"İade\""), "{answer}");
    assert!(
        answer.contains("Merhaba {{customer.first_name}},\n\niadenizi aldık.") && answer.contains("{{agent.name}} ({{ticket.id}})"),
        "{answer}"
    );
    let answer = read(folder.path(), "canned-answers/de/zendesk-28.md");
    assert!(answer.contains("visibility: group\nowner_group: \"orders\"") && answer.contains("Guten Tag {{customer.name}}"), "{answer}");
    let internal = ["Bis zu 25 € Gutschrift", "Legfeljebb 25 €", "hall 3"];
    check_folder(folder.path(), &["kimse görmemeli", "Not finished", "Nicht mehr verwenden"], &internal);

    // Again: nothing changes. A file that an author changed stays, unless it is to be replaced.
    let before = all_text(folder.path());
    expect(&import_into("zendesk", &names, folder.path(), &["--picture-host", "cdn.kuzey.example"]), 1, &["documents, unchanged: 7"]);
    assert_eq!(all_text(folder.path()), before);
    let path = folder.path().join("canned-answers/de/zendesk-28.md");
    fs::write(&path, "---\ntitle: Meins\n---\n\nMeine Worte.\n").unwrap();
    let again = import_into("zendesk", &names, folder.path(), &["--picture-host", "cdn.kuzey.example"]);
    expect(&again, 1, &["documents, unchanged: 6", "--replace overwrites them: 1 (canned-answers/de/zendesk-28.md)"]);
    assert!(fs::read_to_string(&path).unwrap().contains("Meine Worte"));
    let again = import_into("zendesk", &names, folder.path(), &["--picture-host", "cdn.kuzey.example", "--replace"]);
    expect(&again, 1, &["documents, changed: 1"]);
    assert_eq!(all_text(folder.path()), before);
}

#[test]
fn a_dry_run_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("knowledge-base");
    let output = import_into("zendesk", &["zendesk/macros.json"], &target, &["--dry-run"]);
    expect(&output, 0, &["a dry run: nothing was written", "documents, new: 3"]);
    assert!(!target.exists());
    // Without a server at all.
    let output = run(&["import", "zendesk", &file("zendesk/tickets.json"), "--address", "127.0.0.1:1", "--dry-run"].map(str::to_owned));
    expect(&output, 1, &["chats: 2", "broken: 2"]);
}

#[tokio::test]
async fn zendesk_tickets_become_chats_once() {
    let mut desk = Desk::empty().await;
    let names = || files(&["zendesk/people.json", "zendesk/tickets.json"]);
    let output = import_to(&desk.address(), "zendesk", names(), &[]).await;
    expect(
        &output,
        1,
        &[
            "tickets.json:3: not JSON",
            "tickets.json:4: ticket 9004 has no time `created_at`",
            "chats, with something new: 2",
            "ticket.organization_id: 1 (9001)",
            "ticket.recipient: 1 (9001)",
            "broken: 2",
        ],
    );
    let chat = desk.chat("zendesk-9001").await.unwrap();
    let state = chat.chat.unwrap();
    assert_eq!((state.channel(), state.status()), (pb::Channel::Email, pb::ChatStatus::Resolved));
    assert_eq!((state.group.as_str(), state.subject.as_str(), state.topic.as_str()), ("orders", "İade süresi", "iade"));
    let customer = state.customer.unwrap();
    assert_eq!(
        (customer.customer_id.as_str(), customer.name.as_str(), customer.email.as_str()),
        ("zendesk-501", "Elif Kaya", "elif@example.com")
    );
    assert_eq!(state.rating.unwrap().score, 5);
    assert_eq!(state.records[0].values["field_1200"], "KE-204815");
    let found = messages(&chat.events);
    assert_eq!(
        found,
        [
            (pb::Author::Customer, "Ürünü ne zamana kadar iade edebilirim?".to_owned()),
            (pb::Author::Agent, "Merhaba Elif Hanım, 14 gün içinde iade edebilirsiniz.".to_owned())
        ]
    );
    assert_eq!(notes(&chat.events), ["Müşteri VIP, kolaylık göster."]);
    let first = chat.events.iter().find(|event| event.event_id == "comment-1").unwrap();
    assert_eq!(seconds(first), "2026-01-05T09:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second());
    let Some(Body::Message(message)) = &first.body else { panic!("{first:?}") };
    assert_eq!((message.attachments[0].name.as_str(), message.author_name.as_str()), ("fiş.jpg", "Elif Kaya"));
    let hungarian = messages(&events(&mut desk, "zendesk-9002").await);
    assert_eq!(hungarian[0].1, "Mikor érkezik a **csomag**?");

    // Again: nothing new. With more in the file: only that.
    let output = import_to(&desk.address(), "zendesk", names(), &[]).await;
    expect(&output, 1, &["chats, there already: 2", "events, new: 0"]);
    assert_eq!(events(&mut desk, "zendesk-9001").await, chat.events);
    let folder = tempfile::tempdir().unwrap();
    let longer = folder.path().join("tickets.json");
    let line = fs::read_to_string(file("zendesk/tickets.json")).unwrap().lines().nth(1).unwrap().to_owned();
    let more = r#",{"id":13,"author_id":71,"body":"Holnap érkezik.","public":true,"created_at":"2026-01-07T11:00:00Z"}]}"#;
    let changed = line.replace("Köszönöm!", "Köszönöm szépen!").replace("]}", more);
    fs::write(&longer, format!("{changed}\n")).unwrap();
    let output = import_to(&desk.address(), "zendesk", vec![longer.to_str().unwrap().to_owned()], &[]).await;
    expect(&output, 0, &["events that are another in the file than on the server", "(zendesk-9002)"]);
    let found: Vec<String> = messages(&events(&mut desk, "zendesk-9002").await).into_iter().map(|(_, text)| text).collect();
    assert_eq!(found, ["Mikor érkezik a **csomag**?", "Köszönöm!", "Holnap érkezik."]);
    desk.close().await;
}

#[test]
fn nested_sections_and_pictures_beside_an_article_are_kept() {
    let articles = r#"{"articles": [
        {"id": 1, "draft": false, "section_id": 13, "locale": "en-us", "title": "Nested", "user_segment_id": null,
         "html_url": "https://shop.example/hc/en-us/articles/1-nested",
         "body": "<p>Text <img src=\"/hc/article_attachments/9/box.png\" alt=\"Box\"> <img src=\"//other.example/x.png\" alt=\"X\"></p>"},
        {"id": 2, "draft": "yes", "section_id": 13, "locale": "en-us", "title": "Draft", "body": "<p>Hidden</p>"},
        {"id": 3, "draft": false, "section_id": 14, "locale": "en-us", "title": "Lost", "body": "<p>Text <img src=\"/a.png\" alt=\"A\"></p>"},
        {"id": 4, "draft": false, "section_id": 13, "locale": "en-us", "title": "Segment", "user_segment_ids": [7], "body": "<p>For us</p>"}]}"#;
    let sections = r#"{"sections": [{"id": 11, "name": "Returns", "category_id": 1}, {"id": 12, "name": "Costs", "category_id": 1, "parent_section_id": 11},
        {"id": 13, "name": "Abroad", "category_id": 1, "parent_section_id": 12}, {"id": 14, "name": "Loose", "parent_section_id": 99}],
        "categories": [{"id": 1, "name": "Orders"}]}"#;
    let (folder, output) =
        import_texts("zendesk", &[("a.json", articles), ("s.json", sections)], &["--language", "en", "--picture-host", "shop.example"]);
    expect(
        &output,
        0,
        &[
            "documents, new: 3",
            "drafts, left out: 1 (2)",
            "articles whose section stands in a place that is not in the files: 1 (3)",
            "pictures of other.example as links; --picture-host other.example keeps them: 1 (1)",
            "pictures in the file or beside it, without an address: 1 (3)",
        ],
    );
    let into = folder.path().join("into");
    let nested = read(&into, "articles/en/zendesk-1.md");
    assert!(nested.contains("category: \"Orders / Returns / Costs / Abroad\""), "{nested}");
    assert!(nested.contains("![Box](https://shop.example/hc/article_attachments/9/box.png) [X](https://other.example/x.png)"), "{nested}");
    assert!(read(&into, "articles/en/zendesk-3.md").contains("category: \"Loose\""));
    check_folder(&into, &["Hidden"], &["For us"]);
}
