//! Files that are broken, odd or hostile.

use std::fs;

use super::{check_folder, events, expect, file, ids, import_texts, import_texts_to, messages, read, run, written};
use crate::support::{command::text, desk::Desk};

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

#[test]
fn a_broken_line_costs_itself_alone_wherever_it_stands() {
    let ticket = |id: u32| {
        format!(
            "{{\"id\":{id},\"created_at\":\"2026-01-05T09:00:00Z\",\"requester_id\":1,\"comments\":[{{\"id\":{id}1,\"author_id\":1,\"body\":\"Hi\",\"public\":true,\"created_at\":\"2026-01-05T09:00:00Z\"}}]}}"
        )
    };
    let cut = "{\"id\":9,\"created_at\":\"2026-01-05T09:00:00Z\",\"comments\":[{";
    for (lines, at, chats) in [
        (vec![cut.to_owned(), ticket(1), ticket(2)], 1, 2),
        (vec![String::new(), cut.to_owned(), ticket(1), ticket(2)], 2, 2),
        (vec![format!("\u{feff}{cut}\r"), format!("{}\r", ticket(1))], 1, 1),
        (vec![ticket(1), cut.to_owned(), ticket(2)], 2, 2),
        (vec![ticket(1), ticket(2), cut.to_owned()], 3, 2),
        (vec!["[{".to_owned(), ticket(1), ticket(2)], 1, 2),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let names = written(folder.path(), &[("tickets.json", &lines.join("\n"))]);
        let output = run(&["import", "zendesk", &names[0], "--dry-run"].map(str::to_owned));
        let told = format!("tickets.json:{at}: not JSON");
        expect(&output, 1, &[&told, "the line is left out", &format!("chats: {chats}\n"), "broken: 1"]);
    }
    // One value over several lines that is broken is told as one.
    let folder = tempfile::tempdir().unwrap();
    let broken = "{\"tickets\": [\n{\"id\": 1},\n{\"id\": 2,},\n{\"id\": 3}\n]}\n";
    let names = written(folder.path(), &[("tickets.json", broken)]);
    let output = run(&["import", "zendesk", &names[0], "--dry-run"].map(str::to_owned));
    expect(&output, 1, &["tickets.json:3: not JSON", "nothing of the file is imported", "broken: 1"]);
}

#[test]
fn a_quote_that_does_not_end_is_told() {
    let table = "id,title,body\na,A,\"Text, \"\"quoted\"\"\nover lines\"\nb,B,\"Text\nc,C,Text\n";
    let (folder, output) = import_texts("csv", &[("a.csv", table)], &["--language", "en"]);
    expect(&output, 1, &["a.csv:4: a quote `\"` begins in this row and does not end", "documents, new: 1", "broken: 1"]);
    assert!(read(&folder.path().join("into"), "canned-answers/en/a.md").contains("Text, \"quoted\"\nover lines"));
    let (_, output) = import_texts("csv", &[("a.csv", "id,title,body\r\na,A,Text\r\n\r\nb,5\" pipe,Text")], &["--language", "en"]);
    expect(&output, 0, &["documents, new: 2"]);
}

#[test]
fn odd_documents_are_told_one_by_one() {
    let long = "x".repeat(10 << 20);
    let article = |id: &str, more: &str| {
        format!(
            "{{\"id\": {id}, \"draft\": false, \"title\": \"T\", \"locale\": \"en\", \"section_id\": null, \"body\": \"<p>Text</p>\"{more}}}"
        )
    };
    let nested =
        "<table><tr><td><table><tr><td>Inside<script>alert(1)</script><iframe src='x'></iframe></td></tr></table></td></tr></table>";
    let articles = [
        article("1", ""),
        article("1", ""),
        article("\"a/b\"", ""),
        article("\"..\"", ""),
        article("2", ", \"updated_at\": \"9999-12-31T00:00:00Z\""),
        article("3", ", \"updated_at\": 1e300, \"label_names\": null, \"user_segment_ids\": []"),
        article("4", &format!(", \"title\": \"{long}\"")),
        article("5", &format!(", \"body\": \"{long}\"")),
        article("6", &format!(", \"body\": \"{nested}\"")),
        article("7", ", \"body\": null"),
        article("8", ", \"body\": [\"a\"]"),
        article(&format!("\"{long}\""), ""),
        article("null", ""),
        article("\"\\u001b[2J\"", ""),
        "null".to_owned(),
        "[]".to_owned(),
    ];
    let file = format!("{{\"articles\": [{}]}}", articles.join(",\n"));
    let (folder, output) = import_texts("zendesk", &[("a.json", &file), ("b.json", "[]"), ("c.json", "{\"articles\": null}")], &[]);
    let problems = text(&output.stderr);
    assert!(!text(&output.stdout).contains("article.id"), "an id is kept");
    expect(
        &output,
        1,
        &[
            "`zendesk-1` in en came already",
            "the id `zendesk-a/b`",
            "the title of `zendesk-4`",
            "the text of `zendesk-5` must have at most 200000 bytes",
            "`zendesk-7` has no text",
            "`zendesk-8` has no text",
            "the article has no id",
            "an object (article) is expected, this is null",
            "article.updated_at: 2 (2, 3)",
            "article.body: 1 (8)",
        ],
    );
    assert!(problems.lines().all(|line| line.chars().count() < 600) && !problems.contains('\u{1b}'), "{}", problems.len());
    let into = folder.path().join("into");
    for id in ["1", "3", "6"] {
        read(&into, &format!("articles/en/zendesk-{id}.md"));
    }
    check_folder(&into, &[&long], &[]);
}

#[tokio::test]
async fn odd_chats_come_as_far_as_they_go() {
    let comment = |id: &str, body: &str, at: &str| {
        format!("{{\"id\": {id}, \"author_id\": 1, \"body\": \"{body}\", \"public\": true, \"created_at\": {at}}}")
    };
    let ticket = |id: &str, comments: &str, more: &str| {
        format!("{{\"id\": {id}, \"created_at\": \"2026-01-05T09:00:00Z\", \"requester_id\": 1, \"comments\": {comments}{more}}}\n")
    };
    let at = "\"2026-01-05T09:00:00Z\"";
    let long = "ş".repeat(5 << 20);
    let lines = [
        ticket("1", &format!("[{}, {}]", comment("1", "One", at), comment("1", "Another", at)), ""),
        ticket("2", "null", ", \"description\": \"Text\", \"tags\": null, \"custom_fields\": {}, \"via\": []"),
        ticket("3", &format!("[{}]", comment("1", "Odd", "\"0001-01-01T00:00:00Z\"")), ""),
        ticket("4", &format!("[{}]", comment("1", "Odd", "1e300")), ""),
        ticket("\"a/b c\"", &format!("[{}, null, 7, []]", comment("\"x/y\"", "Slashes", at)), ""),
        ticket("6", &format!("[{}]", comment("1", &long, at)), &format!(", \"subject\": \"{long}\"")),
        ticket("7", &format!("[{}]", comment("1", "a\\u0000b", at)), ""),
    ]
    .concat();
    let mut desk = Desk::empty().await;
    let output = import_texts_to(&desk.address(), "zendesk", &[("tickets.json", &format!("\u{feff}{lines}"))], &[]).await;
    expect(
        &output,
        1,
        &[
            "tickets.json:3: chat `zendesk-3`",
            "chats, with something new: 6",
            "events that are another in the file than on the server, where they stay as they are: 1 (zendesk-1)",
            "comments without a time, at the ticket's: 1 (comment-1)",
            "comments that are no object: 3",
            "messages of more than 32000 characters, which became several: 1 (comment-1)",
            "broken: 1",
        ],
    );
    let mut found = Vec::new();
    for chat_id in ["zendesk-1", "zendesk-2", "zendesk-4", "zendesk-a/b c", "zendesk-7"] {
        found.extend(messages(&events(&mut desk, chat_id).await).into_iter().map(|(_, text)| text));
    }
    assert_eq!(found, ["One", "Text", "Odd", "Slashes", "ab"]);
    desk.close().await;
}

#[test]
fn a_folder_of_links_and_pipes_ends() {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("from");
    written(&from, &[("a/page.md", "Text."), ("empty.md", "")]);
    std::os::unix::fs::symlink(&from, from.join("a/loop")).unwrap();
    std::os::unix::fs::symlink("self.md", from.join("self.md")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(from.join("pipe.md")).status().unwrap().success());
    let into = folder.path().join("into");
    let arguments = ["import", "markdown", from.to_str().unwrap(), "--language", "en", "--into", into.to_str().unwrap()];
    let output = run(&arguments.map(str::to_owned));
    expect(
        &output,
        1,
        &[
            "documents, new: 1",
            "folders that are links or hold no texts, left out: 1 (a/loop)",
            "empty.md: the file is empty",
            "pipe.md: not a regular file",
            "self.md: can't be read",
            "broken: 3",
        ],
    );
}

#[test]
fn documents_without_an_id_are_told() {
    for (source, text, what) in [
        ("intercom", r#"{"type":"article","id":null,"state":"published","title":"T","body":"<p>x</p>"}"#, "article"),
        ("chatwoot", r#"{"short_code":"a","content":"x"}"#, "canned response"),
        ("chatwoot", r#"{"title":"a","content":"x","status":"published"}"#, "article"),
        ("zammad", r#"{"id":{},"name":"A","content":"<p>x</p>"}"#, "text module"),
        ("freescout", r#"{"name":"A","text":"x"}"#, "saved reply"),
    ] {
        let (folder, output) = import_texts(source, &[("a.json", text)], &[]);
        expect(&output, 1, &[&format!("a.json:1: the {what} has no id")]);
        assert!(ids(folder.path()).is_empty(), "{source}");
    }
}
