//! Whole runs against a server: long ones, killed ones, and what is learned from them.

use std::{fs, path::Path, process::Command, process::Output, process::Stdio, time::Duration, time::Instant};

use deskhand::api::pb;

use super::{events, expect, files, import_to, messages};
use crate::support::{
    command::{deskhand, text},
    desk::{Desk, customer_says, selin},
    process::Process,
};

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
    expect(
        &import_to(&desk.address(), "ndjson", vec![path.to_str().unwrap().to_owned()], &[]).await,
        0,
        &["events, new: 50", "chats, with something new: 1\n", "1 chats in "],
    );
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
