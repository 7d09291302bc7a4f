//! Fuzz target: settings files (see `fuzz/`).

use toml::Table;

use crate::config::{Config, model::Secret, workspace};

/// Settings that read files and variables: inputs with them are skipped, so that the fuzzer reads nothing of the machine.
const READS: [&str; 2] = ["api_key_file", "api_key_env"];

/// Reads a file into settings and problems, and checks that no API key is printed.
pub fn settings(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let Ok(table) = text.parse::<Table>() else { return };
    if READS.iter().any(|key| table.to_string().contains(key)) {
        return;
    }
    let (mut config, mut problems) = (Config::default(), Vec::new());
    config.take_file(&table, &mut problems);
    config.desk.settle();
    if let Some(workspaces) = table.get("workspaces") {
        config.workspaces = workspace::take(workspaces, &config, &mut workspace::Own::default(), &mut problems);
    }
    config.check(&mut problems);
    assert!(problems.iter().all(|problem| !problem.is_empty()));
    assert!(config.desk.languages.contains(&config.desk.language));
    if problems.is_empty() {
        let workspaces = config.workspaces();
        let mut names: Vec<&str> = workspaces.iter().map(|workspace| workspace.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), workspaces.len(), "workspace names are unique");
        assert_eq!(config.languages().len(), workspaces.len());
    }
    let mut without_keys = config.models.clone();
    for model in &mut without_keys {
        model.api_key = Secret::default();
    }
    let written = [&config.models, &without_keys].map(|models| format!("{models:?}").replace("(secret)", "(none)"));
    assert_eq!(written[0], written[1], "an API key is never printed");
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_hold() {
        crate::fuzz_seeds::of("settings").iter().for_each(|seed| super::settings(seed));
    }
}
