//! Import: what `deskhand import` brings in a second, chats into SQLite and a help center into a folder, and what it needs for that.
//!
//!     cargo build --release && cargo run --release -p deskhand-measure --bin import -- [CHATS] [MEGABYTES]
//!
//! 100,000 chats of six events each, if no number is named, through a running server; and a Zendesk Help Center of 50 MB of HTML.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    process::Command,
    time::Instant,
};

use deskhand_measure::{Draws, articles::Vocabulary, deskhand, served::Served};
use serde_json::json;

const DEFAULT_CHATS: usize = 100_000;
const DEFAULT_MEGABYTES: usize = 50;

#[tokio::main]
async fn main() {
    let mut numbers = std::env::args().skip(1).map(|number| number.parse().expect("a number"));
    let (chats, megabytes) = (numbers.next().unwrap_or(DEFAULT_CHATS), numbers.next().unwrap_or(DEFAULT_MEGABYTES));
    let folder = tempfile::tempdir().expect("a folder");
    let vocabulary = Vocabulary::of_sample_shop();
    let (ndjson, help_center) = (folder.path().join("chats.ndjson"), folder.path().join("articles.json"));
    write_chats(&ndjson, chats, &vocabulary);
    let articles = write_help_center(&help_center, megabytes << 20, &vocabulary);

    let server = Served::start(&folder.path().join("data"), &[]);
    server.ready().await;
    println!("| what | objects | seconds | objects/s |\n| --- | --- | --- | --- |");
    let began = Instant::now();
    run(&["import", "ndjson", path(&ndjson), "--address", &server.address]);
    row("chats into SQLite", chats, began);
    let began = Instant::now();
    run(&["import", "ndjson", path(&ndjson), "--address", &server.address]);
    row("the same again", chats, began);
    let began = Instant::now();
    run(&["import", "zendesk", path(&help_center), "--into", path(&folder.path().join("knowledge-base"))]);
    row(&format!("articles of {megabytes} MB into a folder"), articles, began);
}

fn row(what: &str, objects: usize, began: Instant) {
    let seconds = began.elapsed().as_secs_f64();
    println!("| {what} | {objects} | {seconds:.1} | {:.0} |", objects as f64 / seconds);
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path of UTF-8")
}

fn run(arguments: &[&str]) {
    let done = Command::new(deskhand()).args(arguments).output().expect("the program starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn write_chats(file: &Path, chats: usize, vocabulary: &Vocabulary) {
    let mut file = BufWriter::new(File::create(file).expect("a file"));
    let mut draws = Draws(11);
    for number in 0..chats {
        let at = |second: usize| format!("2026-01-05T09:00:{second:02}Z");
        let message = |second: usize, author: &str, draws: &mut Draws| json!({ "eventId": format!("m{second}"), "at": at(second), "message": { "author": author, "text": vocabulary.sentence(draws, 14) } });
        let events = json!([
            { "eventId": "customer", "at": at(0), "customer": { "customerId": format!("c-{number}") } },
            message(1, "AUTHOR_CUSTOMER", &mut draws),
            message(2, "AUTHOR_AGENT", &mut draws),
            message(3, "AUTHOR_CUSTOMER", &mut draws),
            { "eventId": "topic", "at": at(4), "topic": { "topic": "returns" } },
            { "eventId": "done", "at": at(5), "resolved": {} },
        ]);
        writeln!(file, "{}", json!({ "chatId": format!("chat-{number}"), "events": events })).expect("room on the disk");
    }
}

/// Writes articles as Zendesk's API lists them, up to a size in bytes, and returns how many.
fn write_help_center(file: &Path, bytes: usize, vocabulary: &Vocabulary) -> usize {
    let mut file = BufWriter::new(File::create(file).expect("a file"));
    let (mut written, mut number) = (0, 0);
    write!(file, "{{\"articles\":[").expect("room on the disk");
    while written < bytes {
        let article = vocabulary.article(number);
        let body: String = article.body.split("\n\n").map(|paragraph| format!("<p>{paragraph}</p>")).collect();
        let article =
            json!({ "id": number, "title": article.title, "body": body, "locale": "en-us", "draft": false, "user_segment_id": null })
                .to_string();
        write!(file, "{}{article}", if number == 0 { "" } else { "," }).expect("room on the disk");
        written += article.len();
        number += 1;
    }
    write!(file, "]}}").expect("room on the disk");
    number
}
