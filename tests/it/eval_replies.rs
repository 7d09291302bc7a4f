//! `deskhand eval-replies`: the same cases asked of several models, judged by rules, as a table, a page and lines of JSON.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    command::{deskhand, text},
    model::{Answer, ScriptedModel},
};

const INJECTED: &str = "<script>alert('case')</script>";

/// A case whose customer, text and requirements would be markup if they were not escaped, and one that a rewrite answers.
fn cases(folder: &Path) -> String {
    let draft = json!({
        "id": "draft-1", "language": "en", "task": "draft", "channel": "WEB_CHAT", "agent": "Selin", "customer": "<b>Kyle</b>",
        "records": [{ "source": "order", "reference": "KE-206311", "values": { "status": "delivered" } }],
        "messages": [{ "author": "CUSTOMER", "text": format!("How long may I return it? {INJECTED}") }],
        "must": [["thirty days", "30 days"], ["<i>free</i>", "free"]], "must_not": ["voucher"], "why": "30 days & free",
    });
    let retone = json!({
        "id": "retone-1", "language": "en", "task": "retone", "channel": "EMAIL", "tone": "FRIENDLY",
        "text": "Your parcel is late. Please wait.", "must": [["parcel"]], "must_not": ["refund"], "why": "the same, warmer",
    });
    let file = folder.join("cases.jsonl");
    fs::write(&file, format!("{draft}\n\n{retone}\n")).unwrap();
    file.display().to_string()
}

/// Two models at one server, and a third that judges them.
fn says(asked: &Value) -> String {
    let system = asked["messages"][0]["content"].as_str().unwrap();
    let is_draft = system.contains("draft");
    match (asked["model"].as_str().unwrap(), is_draft) {
        ("judge", _) if system.contains("You judge") => {
            if asked.to_string().contains("voucher for you") { "2" } else { "five of 5" }.to_owned()
        }
        ("good", true) => format!("You have 30\u{a0}Days, and the return is FREE. {INJECTED}"),
        ("bad", true) => "There is a voucher for you.".to_owned(),
        ("good", false) => "We are sorry that your parcel is late. Please wait a little.".to_owned(),
        _ => "ok".to_owned(),
    }
}

async fn run(server: &ScriptedModel, folder: &TempDir, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut all: Vec<String> = vec!["eval-replies".into(), cases(folder.path())];
    all.extend(["--model-base-url", &server.base_url(), "--choose-timeout", "0"].map(str::to_owned));
    all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    let run = move || deskhand(&all.iter().map(String::as_str).collect::<Vec<&str>>(), "");
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// The cells of the row that begins with these words.
fn row(table: &str, words: &[&str]) -> Vec<String> {
    let cells =
        |line: &str| -> Vec<String> { line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect() };
    let found =
        table.lines().map(cells).find(|cells| cells.len() > words.len() && cells.iter().zip(words).all(|(cell, word)| cell == word));
    found.unwrap_or_else(|| panic!("{words:?} in {table}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_compared_on_the_same_cases() {
    let server = ScriptedModel::start().await;
    server.answers_with(says);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (page, lines) = (file("page.html"), file("answers.jsonl"));
    let arguments = [
        &["--model", "good", "--model", "bad", "--judge", "judge", "--price-in", "good=10", "--price-out", "good=100"][..],
        &["--page", &page, "--json", &lines, "--parallel", "2"],
    ]
    .concat();
    let (code, table, told) = run(&server, &folder, &arguments).await;
    assert_eq!((code, told.as_str()), (Some(0), ""), "{table}");
    assert!(table.starts_with("2 cases, knowledge base: the sample shop, "), "{table}");
    let head = row(&table, &["language", "task"]);
    let column = |words: &[&str], title: &str| row(&table, words)[head.iter().position(|other| other == title).unwrap()].clone();
    for (words, title, expected) in [
        (["en", "draft", "good"], "pass", "100 %"),
        (["en", "draft", "good"], "met", "2/2"),
        (["en", "draft", "good"], "forbidden", "0"),
        (["en", "draft", "good"], "judge", "-"),
        (["en", "draft", "good"], "tokens read", "120"),
        (["en", "draft", "good"], "written", "7"),
        (["en", "draft", "good"], "cost", "0.0019"),
        (["en", "draft", "bad"], "whole", "1"),
        (["en", "draft", "bad"], "by model", "1"),
        (["en", "draft", "bad"], "pass", "0 %"),
        (["en", "draft", "bad"], "met", "0/2"),
        (["en", "draft", "bad"], "forbidden", "1"),
        (["en", "draft", "bad"], "judge", "2.0"),
        (["en", "draft", "bad"], "cost", "-"),
        (["all", "all", "good"], "cases", "2"),
        (["all", "all", "good"], "pass", "100 %"),
        (["all", "all", "bad"], "pass", "0 %"),
    ] {
        assert_eq!(column(&words, title), expected, "{words:?} {title} in\n{table}");
    }

    let page = fs::read_to_string(page).unwrap();
    assert!(!page.contains("<script") && !page.contains("<b>Kyle") && !page.contains("<i>free"), "{page}");
    for part in [
        "&lt;script&gt;alert(&#39;case&#39;)&lt;/script&gt;",
        "&lt;b&gt;Kyle&lt;/b&gt;",
        "30 days &amp; free",
        "✓ says: thirty days / 30 days",
        "✗ does not say: thirty days / 30 days",
        "✗ says: voucher",
        "judged 2 of 5",
        "href=\"#only-en\"",
        "href=\"#only-retone\"",
        "id=\"en-draft\"",
        "KE-206311 · status: delivered",
        "prefers-color-scheme:dark",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }

    let lines: Vec<Value> = fs::read_to_string(lines).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    let of = |model: &str, case: &str| lines.iter().find(|line| line["model"] == model && line["case"] == case).unwrap();
    assert_eq!((&of("good", "draft-1")["passes"], &of("good", "draft-1")["must"][1]["met"]), (&json!(true), &json!(true)));
    assert_eq!((&of("bad", "draft-1")["must_not"][0]["said"], &of("bad", "draft-1")["judged"]), (&json!(true), &json!(2)));
    assert!(of("good", "retone-1")["total_ms"].as_u64().is_some() && of("good", "retone-1")["failure"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_fail_are_counted_with_their_reason_and_end_nothing() {
    let server = ScriptedModel::start().await;
    server.always(Some(Answer::refuses(422, "{\"error\":\"SECRET\"}")));
    let folder = tempfile::tempdir().unwrap();
    let summary = json!({
        "id": "summary-1", "language": "en", "task": "summarize", "channel": "EMAIL",
        "messages": [{ "author": "CUSTOMER", "text": "Where is my parcel?" }], "must": [["parcel"]],
    });
    let more = folder.path().join("more.jsonl").display().to_string();
    fs::write(&more, summary.to_string()).unwrap();
    let (code, table, _) = run(&server, &folder, &["--model-name", "broken", &more]).await;
    assert_eq!(code, Some(0), "{table}");
    assert_eq!(row(&table, &["en", "summarize", "broken"])[3..8], ["1", "1", "0", "0 %", "0/1"], "{table}");
    assert_eq!(row(&table, &["en", "retone", "broken"])[3..7], ["1", "0", "0", "0 %"], "{table}");
    assert!(
        table.contains("broken: 2 failed with UNAVAILABLE (MODEL_UNAVAILABLE): the model's server answered with HTTP status 422"),
        "{table}"
    );
    assert!(table.contains("broken: 1 answered by the built-in engine, since the model failed: summarize refused (1)"), "{table}");
    assert!(!table.contains("SECRET"));

    // One that was cut off, and one of a task that the filter leaves out.
    server.always(Some(Answer::ends_for(&["You have 30 days, and it is free"], "length")));
    let (code, table, _) = run(&server, &folder, &["--model-name", "short", "--task", "draft"]).await;
    assert_eq!(
        (code, &row(&table, &["en", "draft", "short"])[3..8]),
        (Some(0), &["1", "0", "1", "0 %", "2/2"].map(str::to_owned)[..]),
        "{table}"
    );
    assert!(!table.contains("retone"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_run_is_told_before_any_model_is_asked() {
    let server = ScriptedModel::start().await;
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.jsonl").display().to_string();
    fs::write(
        &broken,
        format!("{}\n{}\n", fs::read_to_string(cases(folder.path())).unwrap().lines().next().unwrap(), "{\"id\": \"x\", \"speed\": 1}"),
    )
    .unwrap();
    for (arguments, told) in [
        (&["--model", "m", &broken][..], "broken.jsonl:2: not a valid case: unknown field `speed`"),
        (&["--model", "m", "--price-in", "other=1"], "--price-in names `other`, which is none of the models: m"),
        (&["--model", "m", "--language", "fr"], "no case is in that language"),
        (&["--judge", "gpt-4o-mini"], "only the judging model is configured"),
        (&["--model", "m", "--page", "/no/such/folder/page.html"], "can't write `/no/such/folder/page.html`"),
        (&["--model", "m", "--knowledge-base", "/no/such/folder"], "the folder `/no/such/folder`, which does not exist"),
    ] {
        let (code, _, error) = run(&server, &folder, arguments).await;
        assert!(code != Some(0) && error.contains(told), "{told} in {error}");
    }
    let output = tokio::task::spawn_blocking(|| deskhand(&["eval-replies"], "")).await.unwrap();
    let error = text(&output.stderr);
    assert!(output.status.code() == Some(1) && error.contains("set OPENAI_BASE_URL, OPENAI_API_KEY and DESKHAND_MODEL"), "{error}");
    assert!(server.asked().is_empty());
}
