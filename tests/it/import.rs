//! `deskhand import`: what other systems hold, into a folder and onto a server.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use deskhand::api::pb::{self, event::Body};

use crate::support::{
    command::{deskhand, text},
    desk::{Desk, customer_says, selin},
    process::Process,
};

fn file(name: &str) -> String {
    format!("{}/tests/import/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn files(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| file(name)).collect()
}

fn run(arguments: &[String]) -> Output {
    deskhand(&arguments.iter().map(String::as_str).collect::<Vec<&str>>(), "")
}

/// Imports into a folder.
fn import_into(source: &str, names: &[&str], folder: &Path, more: &[&str]) -> Output {
    let mut arguments = vec!["import".to_owned(), source.to_owned()];
    arguments.extend(files(names));
    arguments.extend(["--into".to_owned(), folder.to_str().unwrap().to_owned()]);
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    run(&arguments)
}

/// Imports onto a server.
async fn import_to(address: &str, source: &str, names: Vec<String>, more: &[&str]) -> Output {
    let mut arguments = vec!["import".to_owned(), source.to_owned()];
    arguments.extend(names);
    arguments.extend(["--address".to_owned(), address.to_owned()]);
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    tokio::task::spawn_blocking(move || run(&arguments)).await.unwrap()
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}; there are {:?}", all_files(folder)))
}

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(all_files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn all_text(folder: &Path) -> String {
    all_files(folder).iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

fn expect(output: &Output, code: i32, parts: &[&str]) {
    let printed = format!("{}\n{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{printed}");
    for part in parts {
        assert!(printed.contains(part), "{part:?} is not in:\n{printed}");
    }
}

/// What every import must hold: the folder is right, drafts and internal texts are nowhere public, markup is gone.
fn check_folder(folder: &Path, never: &[&str], internal: &[&str]) {
    let output = deskhand(&["check", folder.to_str().unwrap()], "");
    let findings = text(&output.stdout);
    // Placeholders that no chat fills are what the account lists.
    let other = findings.lines().filter(|line| line.contains(": error:") && !line.contains("unknown placeholder"));
    assert_eq!(other.collect::<Vec<&str>>(), Vec::<&str>::new());
    let whole = all_text(folder);
    for part in never.iter().chain(&["<script", "alert(", "<iframe", "javascript:", "onclick", "<style", "<form", "<div"]) {
        assert!(!whole.contains(part), "{part:?} is in\n{whole}");
    }
    for part in internal {
        let holders: Vec<String> =
            all_files(folder).iter().map(|file| fs::read_to_string(file).unwrap()).filter(|text| text.contains(part)).collect();
        assert!(!holders.is_empty(), "{part:?} is nowhere");
        for holder in holders {
            assert!(holder.contains("\naudience: agents\n"), "{holder}");
        }
    }
}

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

async fn events(desk: &mut Desk, chat_id: &str) -> Vec<pb::Event> {
    desk.chat(chat_id).await.unwrap().events
}

fn messages(events: &[pb::Event]) -> Vec<(pb::Author, String)> {
    let message = |event: &pb::Event| match event.body.as_ref().unwrap() {
        Body::Message(message) => Some((message.author(), message.text.clone())),
        _ => None,
    };
    events.iter().filter_map(message).collect()
}

fn notes(events: &[pb::Event]) -> Vec<String> {
    let note = |event: &pb::Event| match event.body.as_ref().unwrap() {
        Body::Note(note) => Some(note.text.clone()),
        _ => None,
    };
    events.iter().filter_map(note).collect()
}

fn seconds(event: &pb::Event) -> i64 {
    event.at.as_ref().unwrap().seconds
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
fn tables_of_every_form_become_documents() {
    let folder = tempfile::tempdir().unwrap();
    let output = import_into("csv", &["csv/answers.csv", "csv/articles-semicolon.csv", "csv/latin1.csv"], folder.path(), &[]);
    expect(
        &output,
        1,
        &[
            "answers.csv:7: `selam` in tr came already",
            "answers.csv:8: the row has 3 cells, the header 10",
            "latin1.csv:2: the table is not UTF-8; save it as \"CSV UTF-8\"",
            "documents, new: 5",
            "drafts, left out: 1 (taslak)",
            "answers for colleagues, now articles for agents: 1 (kulanz)",
            "column `Votes`: 2",
            "broken: 3",
        ],
    );
    let answer = read(folder.path(), "canned-answers/tr/selam.md");
    assert!(answer.contains("tags: [\"giriş\", \"opener\"]") && answer.contains("shortcut: \"selam\""), "{answer}");
    assert!(read(folder.path(), "canned-answers/hu/koszonet.md").contains("hogy írt nekünk!\nHamarosan"));
    assert!(read(folder.path(), "articles/de/garantie.md").contains("Zwei Jahre; auf alles."));
    check_folder(folder.path(), &["Henüz bitmedi"], &["Nur für das Team.", "Bis zu **25 €**."]);
}

#[test]
fn trees_of_markdown_and_html_become_articles() {
    let folder = tempfile::tempdir().unwrap();
    let roots = ["docusaurus", "jekyll", "hugo/content", "notion", "html"].map(|root| format!("markdown/{root}"));
    let roots: Vec<&str> = roots.iter().map(String::as_str).collect();
    let output = import_into("markdown", &roots, folder.path(), &["--picture-host", "cdn.kuzey.example"]);
    expect(
        &output,
        0,
        &[
            "documents, new: 7",
            "drafts, left out: 3",
            "folders of drafts, left out: 1 (_drafts)",
            "parts of other pages",
            "files that are neither Markdown nor HTML: 1 (docs/picture.bin)",
            "front matter.hide_table_of_contents: 1",
            "tags of a site generator: youtube: 1",
            "placeholder {{ site.phone }}",
            "links to files that are not in the tree, now text: 1",
            "pictures in the file or beside it, without an address: 1",
            "imports and exports of MDX: 1",
        ],
    );
    let article = read(folder.path(), "articles/en/returns-how.md");
    for part in [
        "title: \"How to return an item\"",
        "category: \"returns\"",
        "tags: [\"refund\", \"send back\"]",
        "updated_at: 2026-01-05T00:00:00Z",
        "## Within 14 days\n",
        "**Keep the box**",
        "[what it costs](costs.md#fees), or a page that is gone.",
        "Bold text.",
        "Inside the **box**",
        "![Label](https://cdn.kuzey.example/label.png)",
    ] {
        assert!(article.contains(part), "{part}: {article}");
    }
    assert!(read(folder.path(), "articles/tr/returns-how.md").contains("**14 gün**"));
    assert!(read(folder.path(), "articles/en/costs.md").contains("title: \"What a return costs\""));
    let hungarian = read(folder.path(), "articles/hu/szallitasi-ido.md");
    assert!(hungarian.contains("category: \"Szállítás\"") && hungarian.contains("updated_at: 2026-01-05T10:00:00Z"), "{hungarian}");
    assert!(read(folder.path(), "articles/en/notion-fedcba9876543210fedcba9876543210.md").contains("title: \"Gift cards\""));
    let html = read(folder.path(), "articles/en/warranty.md");
    assert!(html.contains("title: \"Warranty & repair\"") && html.contains("Two years on *everything*."), "{html}");
    // What is for an audience that we do not know is not published.
    check_folder(folder.path(), &["Nobody may see", "Nem publikus", "Még nincs", "Nicht fertig"], &["zwei Tage"]);
}

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
fn freescout_saved_replies_become_canned_answers() {
    let folder = tempfile::tempdir().unwrap();
    let output = import_into("freescout", &["freescout/saved_replies.json"], folder.path(), &[]);
    expect(
        &output,
        0,
        &[
            "documents, new: 2",
            "saved replies without a text, which are folders: 1 (1)",
            "saved reply.mailbox_id: 2 (2, 3)",
            "placeholder {%conversation.number%}",
        ],
    );
    let answer = read(folder.path(), "canned-answers/hu/freescout-2.md");
    assert!(answer.contains("Kedves {{customer.first_name}}!") && answer.contains("Üdvözlettel: {{agent.name}}"), "{answer}");
    check_folder(folder.path(), &[], &[]);
    let output = import_into("freescout", &["freescout/phpmyadmin.json"], folder.path(), &[]);
    expect(&output, 0, &["documents, unchanged: 1"]);
}

#[tokio::test]
async fn mail_becomes_chats_by_thread() {
    let mut desk = Desk::empty().await;
    let own = ["--own-address", "kuzey.example"];
    let output = import_to(&desk.address(), "mbox", files(&["mbox/support.mbox"]), &own).await;
    expect(
        &output,
        1,
        &["support.mbox:62: mail `no-date@example.com` has no `Date`", "automatic mail to the shop, left out: 1 (bounce@example.com)"],
    );
    let chat = desk.chat("mail-one@example.com").await.unwrap();
    let state = chat.chat.unwrap();
    assert_eq!(
        (state.channel(), state.status(), state.subject.as_str()),
        (pb::Channel::Email, pb::ChatStatus::Resolved, "Rückgabe der Wanderschuhe")
    );
    let customer = state.customer.unwrap();
    assert_eq!((customer.customer_id.as_str(), customer.name.as_str()), ("anna@example.com", "Anna Weiß"));
    let found = messages(&chat.events);
    assert_eq!(found.len(), 3);
    assert_eq!(
        found[0],
        (pb::Author::Customer, "Guten Tag,\n\nkann ich die Schuhe zurückgeben?\n\nFrom now on I write English.".to_owned())
    );
    assert_eq!(found[1].0, pb::Author::Agent);
    assert!(found[1].1.contains("Sie haben **14 Tage** Zeit.") && !found[1].1.contains("alert"), "{}", found[1].1);
    assert_eq!(found[2], (pb::Author::Customer, "Danke schön, Grüße".to_owned()));
    let reply = chat.events.iter().find(|event| event.event_id == "three@example.com").unwrap();
    let Some(Body::Message(message)) = &reply.body else { panic!("{reply:?}") };
    assert_eq!((message.attachments[0].name.as_str(), message.attachments[0].media_type.as_str()), ("Beleg.pdf", "application/pdf"));
    let output = import_to(&desk.address(), "mbox", files(&["mbox/support.mbox"]), &own).await;
    expect(&output, 1, &["events, new: 0"]);
    let output = import_to(&desk.address(), "mbox", files(&["csv/answers.csv"]), &own).await;
    expect(&output, 1, &["the file is no mailbox"]);
    desk.close().await;
}

#[tokio::test]
async fn suggestions_have_learned_from_imported_chats() {
    let mut desk = Desk::empty().await;
    let folder = tempfile::tempdir().unwrap();
    let answer =
        "Your parcel left our warehouse. You can follow it with the link in your mail, and it reaches you within two working days.";
    let table = folder.path().join("answers.csv");
    fs::write(&table, format!("id,title,body,language\non-its-way,Shipping status,\"{answer}\",en\nother,Opening hours,\"We are open from nine to five on working days.\",en\n")).unwrap();
    expect(&import_to(&desk.address(), "csv", vec![table.to_str().unwrap().to_owned()], &[]).await, 0, &["documents, new: 2"]);
    let lines: String = (1..=5)
        .map(|number| {
            let comments = format!(
                "[{{\"id\":{number}1,\"author_id\":{number},\"body\":\"zzyzx gizmo flurble, any news {number}?\",\"public\":true,\"created_at\":\"2026-0{number}-05T09:00:00Z\"}},\
                 {{\"id\":{number}2,\"author_id\":900,\"body\":\"{answer}\",\"public\":true,\"created_at\":\"2026-0{number}-05T10:00:00Z\"}}]"
            );
            format!("{{\"id\":{number},\"created_at\":\"2026-0{number}-05T09:00:00Z\",\"requester_id\":{number},\"status\":\"closed\",\"comments\":{comments}}}\n")
        })
        .collect();
    let tickets = folder.path().join("tickets.json");
    fs::write(&tickets, lines).unwrap();
    expect(
        &import_to(&desk.address(), "zendesk", vec![tickets.to_str().unwrap().to_owned()], &[]).await,
        0,
        &["chats, with something new: 5"],
    );
    desk.append("new", vec![customer_says("1", "zzyzx gizmo flurble, any news?")]).await.unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let request = pb::SuggestAnswersRequest { chat_id: "new".into(), agent: selin(), ..pb::SuggestAnswersRequest::default() };
        let suggestions = desk.suggest(request).await;
        // Not a word of the question stands in the answer: only the earlier chats lead to it.
        if suggestions.first().is_some_and(|suggestion| suggestion.id == "on-its-way") {
            break;
        }
        assert!(Instant::now() < until, "{suggestions:?}");
        tokio::task::yield_now().await;
    }
    desk.close().await;
}

#[test]
fn bad_files_are_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let long = format!(
        "{{\"macros\":[{{\"id\":1,\"title\":\"T\",\"actions\":[{{\"field\":\"comment_value\",\"value\":\"{}\"}}]}}]}}",
        "x".repeat(200_001)
    );
    let cases = [
        ("zendesk", path("empty.json", b""), "the file is empty; wanted is JSON of Zendesk's API"),
        ("zendesk", path("binary.json", b"{\0\x01\x02"), "the file is binary"),
        ("zendesk", path("zip.json", b"PK\x03\x04abc"), "a ZIP archive"),
        ("zendesk", path("gzip.json", &[0x1f, 0x8b, 8, 0]), "compressed by gzip"),
        ("zendesk", path("utf16.json", &[0xff, 0xfe, b'{', 0]), "UTF-16"),
        ("zendesk", path("shape.json", b"{\"tickets\": 7, \"x\": 1}"), "reply.tickets"),
        ("zendesk", path("list.json", b"[1, \"a\"]"), "an object (reply) is expected, this is a number"),
        ("zendesk", path("pretty.json", b"{\n  \"macros\": [\n    {,}\n  ]\n}"), "pretty.json:3: not JSON"),
        ("zendesk", file("chatwoot/canned_responses.json"), "no object of Zendesk"),
        ("chatwoot", file("zendesk/macros.json"), "no object of Chatwoot"),
        ("zendesk", path("long.json", long.as_bytes()), "must have at most 200000 bytes; divide it"),
        ("csv", path("no-header.csv", b"a,b\n1,2\n"), "the header needs the columns `title` and `body`; it has: a, b"),
        (
            "ndjson",
            path("other.ndjson", b"{\"chatId\":\"a\",\"colour\":1}\n"),
            "other.ndjson:1: the line is no chat of `deskhand export`: unrecognized field name 'colour'",
        ),
        (
            "ndjson",
            path("no-time.ndjson", b"{\"chatId\":\"a\",\"events\":[{\"eventId\":\"1\",\"resolved\":{}}]}\n"),
            "`events[0].at` is missing",
        ),
        ("markdown", path("latin1.md", b"Gr\xfc\xdfe"), "the file is not UTF-8"),
    ];
    for (source, path, part) in cases {
        let output = run(&["import", source, &path, "--dry-run"].map(str::to_owned));
        let code = if part == "reply.tickets" { 0 } else { 1 };
        expect(&output, code, &[part]);
    }
    let bom = path(
        "bom.json",
        "\u{feff}{\"macros\":[{\"id\":1,\"title\":\"T\",\"actions\":[{\"field\":\"comment_value\",\"value\":\"Hi\"}]}]}\r\n".as_bytes(),
    );
    expect(&run(&["import", "zendesk", &bom, "--dry-run"].map(str::to_owned)), 0, &["canned answers: 1"]);
    for (arguments, part) in [
        (vec!["import", "zendesk", "/no/such/file.json"], "there is no file `/no/such/file.json`"),
        (vec!["import", "nothing", "x"], "invalid value 'nothing'"),
        (vec!["import", "csv", &bom, "--into", "x", "--address", "127.0.0.1:1"], "name one of them"),
        (vec!["import", "csv", &bom, "--language", "german"], "--language must be"),
        (vec!["import", "mbox", &bom], "mbox needs --own-address"),
    ] {
        expect(&run(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<String>>()), 2, &[part]);
    }
    let output = run(&["import", "zendesk", &file("zendesk/tickets.json"), "--address", "127.0.0.1:1"].map(str::to_owned));
    expect(&output, 1, &["no server listens on 127.0.0.1:1"]);
}

#[tokio::test]
async fn long_chats_and_messages_come_whole() {
    const COMMENTS: usize = 1200;
    let mut desk = Desk::empty().await;
    let folder = tempfile::tempdir().unwrap();
    let comment = |number: usize| {
        let body = if number == 7 { "ş".repeat(70_000) } else { format!("Message {number}") };
        serde_json::json!({"id": number, "author_id": 1, "body": body, "public": true, "created_at": "2026-01-05T09:00:00Z"})
    };
    let comments: Vec<serde_json::Value> = (1..=COMMENTS).map(comment).collect();
    let subject = "s".repeat(3000);
    let ticket =
        serde_json::json!({"id": 1, "subject": subject, "created_at": "2026-01-05T09:00:00Z", "requester_id": 1, "comments": comments});
    let path = folder.path().join("tickets.json");
    fs::write(&path, format!("{ticket}\n")).unwrap();
    let names = || vec![path.to_str().unwrap().to_owned()];
    let listed = [
        "messages of more than 32000 characters, which became several: 1 (comment-7)",
        "subject longer than 1000 characters, shortened: 1",
    ];
    expect(&import_to(&desk.address(), "zendesk", names(), &[]).await, 0, &listed);
    let mut texts = Vec::new();
    let mut after_sequence = 0;
    loop {
        let request = pb::GetChatRequest { chat_id: "zendesk-1".into(), after_sequence, page_size: 1000 };
        let page = desk.chats.get_chat(request).await.unwrap().into_inner();
        let Some(last) = page.events.last() else { break };
        after_sequence = last.sequence;
        texts.extend(messages(&page.events).into_iter().map(|(_, text)| text));
    }
    assert_eq!(texts.len(), COMMENTS + 2);
    assert_eq!((texts[5].as_str(), texts[6..9].concat().chars().count(), texts[9].as_str()), ("Message 6", 70_000, "Message 8"));
    expect(&import_to(&desk.address(), "zendesk", names(), &[]).await, 0, &["events, new: 0"]);
    // A chat of our own format may go on in further lines, which stay in their order.
    let lines: String = (0..50)
        .map(|number| format!("{{\"chatId\":\"long\",\"events\":[{{\"eventId\":\"{number}\",\"at\":\"2026-01-05T09:00:00Z\",\"message\":{{\"author\":\"AUTHOR_CUSTOMER\",\"text\":\"{number}\"}}}}]}}\n"))
        .collect();
    let path = folder.path().join("chats.ndjson");
    fs::write(&path, lines).unwrap();
    expect(&import_to(&desk.address(), "ndjson", vec![path.to_str().unwrap().to_owned()], &[]).await, 0, &["events, new: 50"]);
    let order: Vec<String> = messages(&events(&mut desk, "long").await).into_iter().map(|(_, text)| text).collect();
    assert_eq!(order, (0..50).map(|number| number.to_string()).collect::<Vec<String>>());
    desk.close().await;
}

/// Chats of our own format, each with two events.
fn many_chats(path: &Path, count: usize) {
    let line = |number: usize| {
        format!(
            "{{\"chatId\":\"chat-{number}\",\"events\":[{{\"eventId\":\"1\",\"at\":\"2026-01-05T09:00:00Z\",\"message\":{{\"author\":\"AUTHOR_CUSTOMER\",\
             \"text\":\"Where is my order KE-{number}?\"}}}},{{\"eventId\":\"2\",\"at\":\"2026-01-05T09:05:00Z\",\"message\":{{\"author\":\
             \"AUTHOR_AGENT\",\"text\":\"It is on its way and arrives tomorrow.\"}}}}]}}\n"
        )
    };
    fs::write(path, (0..count).map(line).collect::<String>()).unwrap();
}

async fn count_chats(server: &Process) -> usize {
    let (mut count, mut page_token) = (0, String::new());
    loop {
        let request = pb::ListChatsRequest { page_size: 1000, page_token, ..pb::ListChatsRequest::default() };
        let page = server.chats().list_chats(request).await.unwrap().into_inner();
        count += page.chats.len();
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return count;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_killed_goes_on_where_it_stopped() {
    const CHATS: usize = 2000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chats.ndjson");
    many_chats(&path, CHATS);
    let server = Process::start(&folder.path().join("data"), None).await;
    let mut child = Command::new(env!("CARGO_BIN_EXE_deskhand"))
        .args(["import", "ndjson", path.to_str().unwrap(), "--address", &server.address])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while count_chats(&server).await == 0 {
        assert!(Instant::now() < until, "nothing came");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let part = count_chats(&server).await;
    assert!((1..CHATS).contains(&part), "{part} chats came before it was killed");
    let output = import_to(&server.address, "ndjson", vec![path.to_str().unwrap().to_owned()], &[]).await;
    expect(&output, 0, &[&format!("chats, with something new: {}", CHATS - count_known(&output))]);
    assert_eq!(count_chats(&server).await, CHATS);
    assert_eq!(server.events("chat-7").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_needed_and_its_rate_is_kept_to() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let key = |more: &[&str]| {
        let arguments = [&["keys", "create", "--data", data.to_str().unwrap()], more].concat();
        text(&deskhand(&arguments, "").stdout).trim().to_owned()
    };
    let agent = key(&["--scope", "agent", "--rate", "50"]);
    let path = folder.path().join("chats.ndjson");
    many_chats(&path, 150);
    let names = || vec![path.to_str().unwrap().to_owned()];
    let server = Process::start(&data, None).await;
    let output = import_to(&server.address, "ndjson", names(), &[]).await;
    expect(&output, 1, &["UNAUTHENTICATED", "name a key of the server with --key or DESKHAND_KEY"]);
    let table = files(&["csv/articles-semicolon.csv"]);
    let output = import_to(&server.address, "csv", table, &["--key", &agent]).await;
    expect(&output, 1, &["PERMISSION_DENIED", "documents one with scope `author`"]);
    // Calls that the key's rate refuses are sent again.
    let output = import_to(&server.address, "ndjson", names(), &["--key", &agent]).await;
    expect(&output, 0, &["chats, with something new: 150"]);
}

/// How many chats were there already.
fn count_known(output: &Output) -> usize {
    let printed = text(&output.stdout);
    let known = printed.lines().find_map(|line| line.strip_prefix("chats, there already: "));
    let known: usize = known.unwrap_or("0").parse().unwrap();
    assert!(known > 0, "{printed}");
    known
}

#[tokio::test]
async fn what_is_exported_is_imported_again_as_it_was() {
    let mut desk = Desk::without_model().await;
    for name in ["01-elif-web.json", "03-gergely-email.json", "06-deniz-web.json"] {
        desk.append_sample(name).await;
    }
    let output = import_to(&desk.address(), "ndjson", files(&["ndjson/chats.ndjson"]), &[]).await;
    expect(&output, 0, &["chats, with something new: 2"]);
    let folder = tempfile::tempdir().unwrap();
    let export = async |address: String, name: &str| {
        let path = folder.path().join(name);
        let arguments = ["export", path.to_str().unwrap(), "--address", &address].map(str::to_owned);
        let output = tokio::task::spawn_blocking(move || run(&arguments)).await.unwrap();
        (path, output)
    };
    let (first, output) = export(desk.address(), "first").await;
    expect(&output, 0, &["chats: 5"]);
    let files = all_files(&first.join("knowledge-base"));
    let is_wording =
        |path: &&PathBuf| path.ends_with("voice.md") || path.ends_with("glossary.toml") || path.extension().is_some_and(|end| end == "txt");
    let wording: Vec<&PathBuf> = files.iter().filter(is_wording).collect();
    let documents = files.len() - wording.len();
    assert!(documents > 50 && wording.len() == 6, "{documents} {wording:?}");
    assert!(!fs::read_to_string(first.join("chats.ndjson")).unwrap().contains("4111"), "what was wiped is not exported");
    for path in all_files(&first) {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700, "{}", path.display());
    }
    let (_, output) = export(desk.address(), "first").await;
    expect(&output, 2, &["is not an empty folder"]);

    let other = Desk::empty().await;
    let put = async || {
        let arguments = ["put", first.join("knowledge-base").to_str().unwrap(), "--address", &other.address()].map(str::to_owned);
        tokio::task::spawn_blocking(move || run(&arguments)).await.unwrap()
    };
    expect(&put().await, 0, &[&format!("documents, new: {documents}"), "voice, terms and synonyms, new: "]);
    let output = put().await;
    expect(&output, 0, &[&format!("documents, unchanged: {documents}"), "voice, terms and synonyms, unchanged: "]);
    assert!(!text(&output.stdout).contains("synonyms, new") && !text(&output.stdout).contains("synonyms, changed"));
    let chats = vec![first.join("chats.ndjson").to_str().unwrap().to_owned()];
    expect(&import_to(&other.address(), "ndjson", chats.clone(), &[]).await, 0, &["chats, with something new: 5"]);
    expect(&import_to(&other.address(), "ndjson", chats.clone(), &[]).await, 0, &["chats, there already: 5", "events, new: 0"]);
    // The first one knows them, too.
    expect(&import_to(&desk.address(), "ndjson", chats, &[]).await, 0, &["chats, there already: 5", "events, new: 0"]);
    let (second, output) = export(other.address(), "second").await;
    expect(&output, 0, &["chats: 5"]);
    for path in all_files(&first) {
        let same = second.join(path.strip_prefix(&first).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), fs::read_to_string(&same).unwrap(), "{}", path.display());
    }
    assert_eq!(all_files(&first).len(), all_files(&second).len());
    desk.close().await;
    other.close().await;
}

#[tokio::test]
async fn put_and_export_tell_what_failed() {
    let mut desk = Desk::without_model().await;
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("articles/en/good.md", "---\ntitle: Good\n---\n\nText.\n"),
        ("articles/en/bad.md", "---\ntitle: Bad\ndraft: true\n---\n\nText.\n"),
        ("articles/en/return-window.md", "---\ntitle: Mine\n---\n\nText.\n"),
        ("voice.md", "---\nlayout: single_message\n---\n\nFriendly.\n"),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    // An id that no file can have.
    let article =
        pb::Article { id: "a/b".into(), language: "en".into(), title: "T".into(), body: "Text.".into(), ..pb::Article::default() };
    desk.knowledge.put_articles(pb::PutArticlesRequest { articles: vec![article] }).await.unwrap();
    let target = folder.path().join("export");
    let arguments = ["export", target.to_str().unwrap(), "--address", &desk.address()].map(str::to_owned);
    let output = tokio::task::spawn_blocking(move || run(&arguments)).await.unwrap();
    expect(&output, 1, &["the id `a/b` has a slash"]);
    fs::remove_dir_all(&target).unwrap();
    // An id that the server has from its own folder.
    let taken = all_files(&crate::support::desk::shop().join("articles/en"))[0].clone();
    let id = taken.file_stem().unwrap().to_str().unwrap().to_owned();
    fs::rename(folder.path().join("articles/en/return-window.md"), folder.path().join(format!("articles/en/{id}.md"))).unwrap();
    let arguments = ["put", folder.path().to_str().unwrap(), "--address", &desk.address()].map(str::to_owned);
    let output = tokio::task::spawn_blocking(move || run(&arguments)).await.unwrap();
    let told = format!("{id}.md: `{id}`: FAILED_PRECONDITION");
    expect(
        &output,
        1,
        &["bad.md:3: unknown key `draft`", &told, "documents, new: 1", "not sent, as a server reads it from its own folder: voice.md"],
    );
    expect(&deskhand(&["put", "/no/such/folder"], ""), 2, &["is not a folder"]);
    desk.close().await;
}
