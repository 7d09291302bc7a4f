//! The alerts, the dashboard and the documentation name metrics that there are.

use std::{collections::BTreeSet, fs, path::Path};

use deskhand::{
    api::pb,
    config::{Config, EmbeddingSettings, ModelConfig, WorkspaceConfig},
    ids::Workspace,
};

use crate::support::{
    desk::{Desk, Kept, Opening, customer_says, selin},
    model::{Answer, ScriptedModel},
    postgres::Postgres,
};

/// How the names of metrics begin.
const PREFIXES: [&str; 3] = ["deskhand_", "rpc_server_", "process_"];
/// What the samples of a histogram add to its name.
const OF_HISTOGRAMS: [&str; 3] = ["_bucket", "_sum", "_count"];

/// A server that has everything that there are metrics of: a database of each kind, an embedder, and a model that fails before one that answers.
async fn served(postgres: &Postgres, failing: &ScriptedModel, answering: &ScriptedModel) -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite:{}?mode=rwc", folder.path().join("rose.sqlite").display());
    let rose = Workspace::new("rose").unwrap();
    let set = |config: &mut Config| {
        let model = |name: &str, model: &ScriptedModel| ModelConfig { name: name.into(), base_url: model.base_url(), ..Default::default() };
        config.models = vec![model("failing", failing), model("answering", answering)];
        config.embedding = EmbeddingSettings { model: Some("scripted".into()), base_url: Some(answering.base_url()), ..Default::default() };
        config.workspaces = vec![WorkspaceConfig {
            name: rose.clone(),
            knowledge_base: None,
            desk: config.desk.clone(),
            models: None,
            embedding: config.embedding.clone(),
        }];
        config.workspace_databases = [(rose, sqlite)].into();
    };
    let opening = Opening { with_model: false, with_shop: true, change: |_| {} };
    opening.open_with(Kept::new(folder, Some(postgres.url("postgres"))), set).await
}

/// The names of a scrape: of each sample, and of each histogram.
fn names(metrics: &str) -> BTreeSet<String> {
    let samples = metrics.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(['{', ' ']).next());
    let with_histograms = samples.flat_map(|name| OF_HISTOGRAMS.iter().filter_map(|end| name.strip_suffix(end)).chain([name]));
    with_histograms.map(str::to_owned).collect()
}

/// The words of a text that begin like a metric.
fn mentioned(text: &str) -> BTreeSet<String> {
    let words = text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    words.filter(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix))).map(str::to_owned).collect()
}

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

#[test]
fn each_alert_has_a_runbook_and_a_test() {
    let (alerts, tests, operations) =
        (read("deploy/monitoring/alerts.yml"), read("deploy/monitoring/alerts_test.yml"), read("docs/operations.md"));
    let named: Vec<_> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(named.len() >= 20, "{named:?}");
    for alert in named {
        assert!(operations.contains(&format!("\n### {alert}\n")), "docs/operations.md has no runbook for {alert}");
        assert!(tests.contains(&format!("        alertname: {alert}\n")), "nothing tests {alert}");
    }
}

#[tokio::test]
async fn alerts_dashboard_and_documentation_name_metrics_that_there_are() {
    let (postgres, failing, answering) = (Postgres::start(), ScriptedModel::start().await, ScriptedModel::start().await);
    failing.always(Some(Answer::refuses(401, "")));
    answering.always(Some(Answer::says_and_counts(&["They are on their way."], 120)));
    let mut desk = served(&postgres, &failing, &answering).await;
    desk.append("c", vec![customer_says("1", "Where are my towels?")]).await.unwrap();
    desk.suggest(pb::SuggestAnswersRequest { chat_id: "c".into(), agent: selin(), ..Default::default() }).await;
    let draft = pb::DraftReplyRequest { chat_id: "c".into(), agent: selin(), ..Default::default() };
    let drafted = desk.draft(draft).await.unwrap().finished;
    let outcome = pb::RecordOutcomeRequest {
        chat_id: "c".into(),
        outcome_id: "o".into(),
        offer: Some(pb::record_outcome_request::Offer::DraftId(drafted.draft_id)),
        action: pb::OutcomeAction::Sent.into(),
        ..Default::default()
    };
    desk.replies.record_outcome(outcome).await.unwrap();
    let there = names(&desk.page("/metrics").await);
    desk.close().await;

    let dashboard: serde_json::Value = serde_json::from_str(&read("deploy/monitoring/dashboard.json")).unwrap();
    assert!(dashboard["panels"].as_array().unwrap().len() > 20);
    for (file, least) in
        [("deploy/monitoring/alerts.yml", 15), ("deploy/monitoring/alerts_test.yml", 15), ("deploy/monitoring/dashboard.json", 25)]
    {
        let named = mentioned(&read(file));
        assert!(named.len() >= least, "{file} names {}", named.len());
        let missing: Vec<_> = named.difference(&there).collect();
        assert!(missing.is_empty(), "{file} names {missing:?}, which {there:?} has not");
    }
    let documented = mentioned(&read("docs/operations.md"));
    let missing: Vec<_> = documented.difference(&there).collect();
    assert!(missing.is_empty(), "docs/operations.md names {missing:?}, which {there:?} has not");
    let of_samples = |name: &&String| OF_HISTOGRAMS.iter().any(|end| name.strip_suffix(end).is_some_and(|name| there.contains(name)));
    let missing: Vec<_> = there.difference(&documented).filter(|name| !of_samples(name)).collect();
    assert!(missing.is_empty(), "docs/operations.md lacks {missing:?}");
}
