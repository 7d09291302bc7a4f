//! The commands that measure, as an operator runs them.

use std::{fs, path::Path};

use crate::support::command::{deskhand, text};

#[test]
fn eval_measures_a_task_and_reports_problems_with_one() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let run = |arguments: &[&str]| {
        let mut all = vec!["eval", folder.path().to_str().unwrap()];
        all.extend(arguments);
        deskhand(&all, "")
    };
    write(
        "corpus.jsonl",
        "{\"id\":\"a\",\"title\":\"Refunds\",\"body\":\"Money back.\",\"lang\":\"en\"}\n{\"id\":\"b\",\"title\":\"Sizes\",\"body\":\"Measure.\",\"lang\":\"en\"}\n",
    );
    write(
        "queries.jsonl",
        "{\"id\":\"1\",\"text\":\"refnd\",\"lang\":\"en\"}\n{\"id\":\"2\",\"text\":\"measure\",\"lang\":\"en\"}\n{\"id\":\"3\",\"text\":\"weather in Paris\",\"lang\":\"en\",\"oos\":true}\n",
    );
    write("qrels.tsv", "1\ta\t1\n2\ta\t1\n");
    for way in [&["--json"][..], &["--json", "--suggest"], &["--json", "--suggest", "--articles"]] {
        let output = run(way);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let measures: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&measures["success_at_1"]["mean"], &measures["auroc"]["mean"]), (&0.5.into(), &1.0.into()), "{way:?} {measures}");
    }
    let output = run(&["--misses"]);
    assert!(text(&output.stdout).contains("2: \"measure\" found b, not a"), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("0.500 ± 0.500"), "{}", text(&output.stdout));

    write("qrels.tsv", "1\tc\t1\n");
    let output = run(&[]);
    assert!(!output.status.success() && text(&output.stderr).contains("qrels.tsv:1: unknown document `c`"), "{}", text(&output.stderr));
    write("queries.jsonl", "{\"id\":\"1\"}\n");
    let output = run(&[]);
    assert!(!output.status.success() && text(&output.stderr).contains("queries.jsonl:1"), "{}", text(&output.stderr));
}

#[test]
fn eval_drafts_prints_the_table_and_holds_what_was_reached() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drafts");
    let files: Vec<String> = ["en", "tr", "hu", "de", "en-2", "tr-2", "hu-2", "de-2"]
        .map(|name| folder.join(format!("{name}.jsonl")).display().to_string())
        .to_vec();
    let mut arguments = vec!["eval-drafts"];
    arguments.extend(files.iter().map(String::as_str));
    let output = deskhand(&arguments, "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    let column = |row: &str, at: usize| -> f64 {
        let line = table.lines().find(|line| line.starts_with(row)).unwrap_or_else(|| panic!("{row} in {table}"));
        line.split_whitespace().nth(at).unwrap().parse().unwrap()
    };
    assert_eq!((column("all", 1), column("clean", 1)), (392.0, 392.0));
    assert!(column("all", 3) >= 0.86, "{table}");
    assert!(column("clean", 3) <= 0.08, "{table}");
    let broken = deskhand(&["eval-drafts", "/no/such/file"], "");
    assert!(!broken.status.success() && text(&broken.stderr).contains("can't read"), "{}", text(&broken.stderr));
}

/// The column of a row that begins with these words.
fn figure(table: &str, row: &[&str], column: usize) -> f64 {
    let words = |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
    let line = table.lines().map(words).find(|line| line.len() > column && line.iter().zip(row).all(|(one, other)| one == other));
    line.unwrap_or_else(|| panic!("{row:?} in {table}"))[column].parse().unwrap()
}

fn table_of(command: &str, folders: &[&str]) -> String {
    let mut files = Vec::new();
    for folder in folders {
        for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder)).unwrap() {
            files.push(file.unwrap().path().display().to_string());
        }
    }
    let arguments: Vec<&str> = [command].into_iter().chain(files.iter().map(String::as_str)).collect();
    let output = deskhand(&arguments, "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn what_was_reached_on_texts_written_apart_from_the_code_holds() {
    let drafts = table_of("eval-drafts", &["drafts/apart/first", "drafts/apart/second", "drafts/apart/third"]);
    assert!(figure(&drafts, &["all"], 3) >= 0.7 && figure(&drafts, &["clean"], 3) <= 0.28, "{drafts}");
    let rewrites = table_of("eval-rewrites", &["rewrites/first", "rewrites/second", "rewrites/third"]);
    for (kind, silent, alarmed) in [("correction", 0.12, 0.1), ("tone", 0.36, 0.2), ("translation", 0.33, 0.31)] {
        let of = |row: &str| figure(&rewrites, &[kind, row], 4);
        assert!(of("all") <= silent && of("faithful") <= alarmed, "{rewrites}");
    }
    let edits = table_of("eval-rewrites", &["rewrites/edits"]);
    let of = |row: &str| figure(&edits, &["tone", row], 4);
    assert!(of("all") <= 0.1 && of("faithful") <= 0.09, "{edits}");
    let personal = table_of("eval-personal", &["personal/second"]);
    assert!(figure(&personal, &["all"], 4) >= 0.8 && figure(&personal, &["all"], 7) >= 0.94, "{personal}");
    for command in ["eval-rewrites", "eval-personal"] {
        let broken = deskhand(&[command, "/no/such/file"], "");
        assert!(!broken.status.success() && text(&broken.stderr).contains("can't read"), "{}", text(&broken.stderr));
    }
}
