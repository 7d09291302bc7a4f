//! The table of fixed faults: each row names existing tests.

use std::{collections::HashSet, fs, path::Path};

const TABLES: [&str; 2] = [include_str!("../../docs/mended-faults.md"), include_str!("../../docs/attacks.md")];

/// A row's fault and the tests that it names, in its last cell.
fn rows() -> Vec<(&'static str, Vec<&'static str>)> {
    let rows = TABLES.into_iter().flat_map(str::lines).filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let cells = rows.map(|row| row.split(" | ").collect::<Vec<_>>());
    cells
        .filter(|cells| !["fault", "attack"].contains(&cells[0]) && !cells[0].starts_with("---"))
        .map(|cells| {
            assert!(cells.len() >= 3 && cells.iter().all(|cell| !cell.trim().is_empty()), "{cells:?}");
            let tests = cells[cells.len() - 1].trim().trim_matches('`');
            (cells[0], tests.split("`, `").collect())
        })
        .collect()
}

/// Whether a source has a test of this name that is run.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let named = |line: &str| [format!("fn {name}("), format!("async fn {name}(")].iter().any(|function| line.starts_with(function));
    let Some(at) = lines.iter().position(|line| named(line)) else { return false };
    let attributes = || lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
    attributes().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
        && !attributes().any(|line| line.starts_with("#[ignore"))
}

#[test]
fn every_mended_fault_has_its_test() {
    let rows = rows();
    assert!(rows.len() > 30, "{} rows are read", rows.len());
    let mut faults = HashSet::new();
    for (fault, tests) in rows {
        assert!(faults.insert(fault), "{fault} stands there twice");
        assert!(!tests.is_empty());
        for test in tests {
            let (file, name) = test.split_once("::").unwrap_or_else(|| panic!("{fault}: `{test}` is not FILE::NAME"));
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
            let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{fault}: {file}: {error}"));
            let found = match file {
                // These have no harness: what runs is what its list names.
                "tests/schedules/main.rs" => source.contains(&format!("\", {name}),")),
                // What it runs beside tests is named by a part of its line.
                "scripts/test" => source.contains(name),
                // Tests of pages are named by a sentence.
                file if file.ends_with(".js") => source.contains(&format!("test(\"{name}\"")),
                _ => has_test(&source, name),
            };
            assert!(found, "{fault}: {file} has no test `{name}`");
        }
    }
}

#[test]
fn a_test_that_is_not_run_is_none() {
    let source =
        "#[test]\nfn one() {}\n#[tokio::test(start_paused = true)]\nasync fn two() {}\nfn three() {}\n#[test]\n#[ignore]\nfn four() {}";
    assert_eq!(["one", "two", "three", "four", "five"].map(|name| has_test(source, name)), [true, true, false, false, false]);
}
