//! `deskhand enrich`: what a model proposes, and what becomes of the files.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use crate::support::model::{Answer, ScriptedModel};

const LATE: &str = "articles/en/shipping/late.md";
const KARGO: &str = "articles/tr/shipping/kargo.md";
const INTERNAL: &str = "articles/en/internal.md";
const KNOWN: &str = "canned-answers/en/known.md";
const FILES: [(&str, &str); 4] = [
    (LATE, "---\ntitle: Late parcels\ntags: [shipping] # keep\n---\n\nA parcel <!-- for us --> takes 3 days.\n---\nasked: [no]\n"),
    (KARGO, "---\r\ntitle: Geciken kargolar\r\n---\r\n\r\nKargo 3 gün sürer.\r\n"),
    (INTERNAL, "---\ntitle: Fraud\naudience: agents\n---\n\nSECRET.\n"),
    (KNOWN, "---\ntitle: Hello\nasked:\n- hi there\n# end\n---\n\nHi.\n"),
];

fn folder() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in FILES {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn read(root: &Path, name: &str) -> String {
    fs::read_to_string(root.join(name)).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

async fn enrich(model: &ScriptedModel, root: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deskhand"));
    command.arg("enrich").arg(root).args(arguments).current_dir(std::env::temp_dir());
    command.env_remove("OPENAI_API_KEY").env("OPENAI_BASE_URL", model.base_url()).env("DESKHAND_MODEL", "scripted");
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[tokio::test]
async fn phrases_are_shown_as_a_diff_and_written_only_when_told_so() {
    let (model, root) = (ScriptedModel::start().await, folder());
    let answers = || {
        model.will(Answer::says(&["1. where is ", "my stuff\n2. \"still nothing came\"\nshipping\nWhere is my stuff?\n"]));
        model.will(Answer::says(&["[\"kargom nerede\", \"hâlâ gelmedi\"]"]));
    };
    answers();
    let output = enrich(&model, root.path(), &[]).await;
    let (printed, said) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{said}");
    let diff = format!(
        "--- {LATE}\n+++ {LATE}\n@@ -3,2 +3,5 @@\n tags: [shipping] # keep\n+asked:\n+  - \"where is my stuff\"\n+  - \"still nothing came\"\n ---\n"
    );
    assert!(printed.starts_with(&diff), "{printed}");
    assert!(printed.contains("+  - \"hâlâ gelmedi\"\r\n"), "{printed}");
    for part in ["left out: 1 for agents", "skipped: 1 with phrases", "2 documents: 2 with proposals, 0 failed; nothing was written"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    for (name, before) in FILES {
        assert_eq!(read(root.path(), name), before);
    }
    let asked = model.asked();
    let prompts: Vec<String> = asked.iter().map(|asked| asked["messages"].to_string()).collect();
    assert_eq!(prompts.len(), 2);
    for part in ["Title: Late parcels", "- shipping", "in English", "up to 12", "| A parcel  takes 3 days."] {
        assert!(prompts[0].contains(part), "{part} in {}", prompts[0]);
    }
    assert!(prompts[1].contains("in Turkish") && !prompts.concat().contains("SECRET") && !prompts.concat().contains("for us"));

    answers();
    let output = enrich(&model, root.path(), &["--write"]).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let expected = FILES[0].1.replacen("keep\n---", "keep\nasked:\n  - \"where is my stuff\"\n  - \"still nothing came\"\n---", 1);
    assert_eq!(read(root.path(), LATE), expected);
    let expected = FILES[1].1.replacen("lar\r\n---", "lar\r\nasked:\r\n  - \"kargom nerede\"\r\n  - \"hâlâ gelmedi\"\r\n---", 1);
    assert_eq!(read(root.path(), KARGO), expected);
    let check = Command::new(env!("CARGO_BIN_EXE_deskhand")).arg("check").arg(root.path()).output().unwrap();
    assert!(check.status.success(), "{}", text(&check.stdout));

    // Now every document has phrases.
    let output = enrich(&model, root.path(), &["--write"]).await;
    assert!(output.status.success() && text(&output.stderr).contains("0 documents"), "{}", text(&output.stderr));
    assert_eq!(model.asked().len(), 4);
}

#[tokio::test]
async fn documents_are_chosen_by_language_id_and_audience() {
    let (model, root) = (ScriptedModel::start().await, folder());
    model.answers_with(|_| "a\nbb phrase\ncc phrase\ndd phrase".to_owned());
    let output = enrich(&model, root.path(), &["--write", "--language", "en", "--more", "--only", "known", "--limit", "2"]).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(read(root.path(), KNOWN), FILES[3].1.replace("there\n", "there\n- \"a\"\n- \"bb phrase\"\n"));
    assert_eq!(model.asked().len(), 1);
    assert!(model.last_messages().1.contains("- hi there"), "what is known is not asked for again");

    let output = enrich(&model, root.path(), &["--agents-articles", "--only", "internal"]).await;
    assert!(output.status.success() && model.last_messages().1.contains("SECRET"), "{}", text(&output.stderr));

    for (arguments, problem) in [
        (&["--only", "no-such"][..], "no document has the id `no-such`"),
        (&["--language", "not a tag"], "--language"),
        (&["--limit", "51"], "51"),
    ] {
        let output = enrich(&model, root.path(), arguments).await;
        assert!(!output.status.success() && text(&output.stderr).contains(problem), "{}", text(&output.stderr));
    }
    assert_eq!(model.asked().len(), 2);
}

/// Whatever a model says, a document keeps its title, text and audience, and its file stays one that can be read.
#[tokio::test]
async fn a_hostile_answer_changes_nothing_but_phrases() {
    let lines: String = (0..10_000).map(|number| format!("parcel phrase {number}\n")).collect();
    let hostile = [
        "---\ntitle: Hacked\naudience: agents\n---\nnew body",
        "where is it\"\n  - injected: true\n---\n\n# Hacked",
        "&a [*a, *a]\n!!python/object:os.system\n{a: b}\n? key\n: value",
        "<script>alert(1)</script>\n<!-- x\n-->\n{{customer.email}}",
        "\u{1b}[2J\u{202e}reversed\u{0}\u{85}---\u{2028}asked: [x]",
        "```yaml\nasked:\n  - fine phrase\n```",
        lines.as_str(),
    ];
    let model = ScriptedModel::start().await;
    for answer in hostile {
        let root = folder();
        model.will(Answer::says(&[answer]));
        let output = enrich(&model, root.path(), &["--write", "--only", "late"]).await;
        assert!(output.status.success(), "{answer:.80}: {}", text(&output.stderr));
        let written = read(root.path(), LATE);
        let (before, rest) = FILES[0].1.split_at(FILES[0].1.find("---\n\n").unwrap());
        let added = written.strip_prefix(before).and_then(|written| written.strip_suffix(rest));
        let added = added.unwrap_or_else(|| panic!("{answer:.80}: {written}"));
        let mut added = added.lines();
        assert!(added.next().is_none_or(|line| line == "asked:"), "{written}");
        let added: Vec<&str> = added.collect();
        assert!(added.len() <= 12, "{written}");
        for line in added {
            assert!(line.starts_with("  - \"") && line.ends_with('"') && !line.contains(['<', '{', '\u{1b}', '\u{202e}']), "{line}");
        }
        let check = Command::new(env!("CARGO_BIN_EXE_deskhand")).arg("check").arg(root.path()).output().unwrap();
        assert!(check.status.success(), "{answer:.80}: {}", text(&check.stdout));
        let others = FILES[1..].iter().all(|(name, before)| read(root.path(), name) == *before);
        assert!(others, "only the one document");
        assert_eq!(fs::read_dir(root.path().join("articles/en/shipping")).unwrap().count(), 1, "nothing else is left");
    }
}

#[tokio::test]
async fn a_failure_on_one_document_is_told_and_the_others_go_on() {
    let (model, root) = (ScriptedModel::start().await, folder());
    model.will(Answer::refuses(400, "{\"error\":\"SECRET\"}"));
    model.will(Answer::says(&["kargom nerede"]));
    let output = enrich(&model, root.path(), &["--write"]).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("{LATE}: ")) && said.contains("1 with proposals, 1 failed") && !said.contains("SECRET"), "{said}");
    assert_eq!(read(root.path(), LATE), FILES[0].1);
    assert!(read(root.path(), KARGO).contains("- \"kargom nerede\""));

    // Nothing to add is no failure.
    model.will(Answer::says(&["Late parcels"]));
    let output = enrich(&model, root.path(), &["--write", "--only", "late"]).await;
    assert!(output.status.success() && text(&output.stderr).contains("no new phrases"), "{}", text(&output.stderr));

    let without = Command::new(env!("CARGO_BIN_EXE_deskhand"))
        .arg("enrich")
        .arg(root.path())
        .current_dir(std::env::temp_dir())
        .env_remove("OPENAI_API_KEY")
        .env_remove("OPENAI_BASE_URL")
        .env_remove("DESKHAND_MODEL")
        .output()
        .unwrap();
    assert!(!without.status.success() && text(&without.stderr).contains("no model is configured"), "{}", text(&without.stderr));
}

#[tokio::test]
async fn an_interrupt_ends_it_and_leaves_whole_files() {
    let (model, root) = (ScriptedModel::start().await, folder());
    model.will(Answer::says(&["where is my stuff"]));
    model.will(Answer::hangs_after(&["kar"]));
    let mut command = Command::new(env!("CARGO_BIN_EXE_deskhand"));
    command.args(["enrich", "--write"]).arg(root.path()).current_dir(std::env::temp_dir());
    command.env_remove("OPENAI_API_KEY").env("OPENAI_BASE_URL", model.base_url()).env("DESKHAND_MODEL", "scripted");
    let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let second_is_asked = || std::future::ready(model.asked().len() == 2);
    crate::support::desk::eventually("the second document is asked for", second_is_asked).await;
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("stopped after 1 of 2 documents"), "{said}");
    assert!(read(root.path(), LATE).contains("- \"where is my stuff\"") && read(root.path(), KARGO) == FILES[1].1);
}
