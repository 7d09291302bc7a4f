//! Settings of each workspace.

use std::{collections::BTreeMap, path::PathBuf};

use toml::{Table, Value};

use crate::{
    config::{
        Config,
        desk::DeskSettings,
        did_you_mean,
        help_center::HelpCenterConfig,
        model::{EmbeddingSettings, ModelConfig},
        model_tables::{take_embeddings, take_models},
        shown, value,
    },
    ids::Workspace,
};

/// Settings of a workspace that have no place in [`DeskSettings`].
const OWN_KEYS: [&str; 4] = ["knowledge_base", "database_url", "help_center", "help_center_theme"];

/// A workspace with its settings.
#[derive(Debug, Clone)]
pub struct WorkspaceConfig {
    /// Its name, unique in the configuration.
    pub name: Workspace,
    /// Knowledge base folder; `None`: documents come from the API only.
    pub knowledge_base: Option<PathBuf>,
    /// Its settings; those that it doesn't set are the ones of `default`.
    pub desk: DeskSettings,
    /// Its own models; `None`: those of `default`.
    pub models: Option<Vec<ModelConfig>>,
    /// Its embeddings endpoint; what it doesn't set is as in `default`.
    pub embedding: EmbeddingSettings,
}

/// What workspaces have for themselves and never inherit, besides their folders.
#[derive(Default)]
pub struct Own {
    pub databases: BTreeMap<Workspace, String>,
    pub help_centers: BTreeMap<Workspace, HelpCenterConfig>,
}

/// Reads the tables `[workspaces.NAME]`; `own` takes the databases and help centers. Unset settings are inherited from `default`, except for
/// these and the folder, which are never shared.
pub fn take(given: &Value, default: &Config, own: &mut Own, problems: &mut Vec<String>) -> Vec<WorkspaceConfig> {
    let Value::Table(tables) = given else {
        problems.push("`workspaces` must be tables, each begun with a line `[workspaces.NAME]`".to_owned());
        return Vec::new();
    };
    let mut workspaces: Vec<WorkspaceConfig> = Vec::new();
    for (name, given) in tables {
        let from = format!("workspaces.{name}");
        let workspace = match Workspace::new(name) {
            Ok(workspace) if workspace != Workspace::default() => workspace,
            Ok(_) => {
                problems.push(format!("`{from}`: the settings of `default` belong at the top of the file"));
                continue;
            }
            Err(problem) => {
                problems.push(format!("`{from}`: a workspace's name {problem}"));
                continue;
            }
        };
        match given.as_table() {
            Some(table) => workspaces.push(take_one(workspace, table, default, own, &from, problems)),
            None => problems.push(format!("`{from}` must be a table, begun with a line `[{from}]`")),
        }
    }
    for (index, workspace) in workspaces.iter().enumerate() {
        let Some(folder) = &workspace.knowledge_base else { continue };
        let same = workspaces[index + 1..].iter().find(|other| other.knowledge_base.as_ref() == Some(folder));
        let same = same.map(|other| other.name.to_string());
        if let Some(other) = same.or_else(|| (default.knowledge_base.as_ref() == Some(folder)).then(|| "default".to_owned())) {
            problems.push(format!(
                "`workspaces.{}.knowledge_base` is also that of `{other}`; each workspace needs its own folder",
                workspace.name
            ));
        }
    }
    workspaces
}

fn take_one(name: Workspace, table: &Table, default: &Config, own: &mut Own, from: &str, problems: &mut Vec<String>) -> WorkspaceConfig {
    let mut workspace =
        WorkspaceConfig { name, knowledge_base: None, desk: default.desk.clone(), models: None, embedding: default.embedding.clone() };
    for (key, given) in table {
        let place = format!("{from}.{key}");
        let set = match key.as_str() {
            "models" => {
                workspace.models = Some(take_models(given, &place, problems));
                continue;
            }
            "embedding" => {
                take_embeddings(&mut workspace.embedding, given, &place, problems);
                continue;
            }
            "database_url" => value::database_url(given).map(|url| {
                own.databases.insert(workspace.name.clone(), url);
            }),
            "help_center" | "help_center_theme" => own.help_centers.entry(workspace.name.clone()).or_default().set(key, given),
            "knowledge_base" => value::optional_path(given, "a folder").map(|folder| workspace.knowledge_base = folder),
            key => match workspace.desk.set(key, given) {
                Some(set) => set,
                None => {
                    let known: Vec<&str> = OWN_KEYS.into_iter().chain(DeskSettings::KEYS).collect();
                    let (list, meant) = (known.join(", "), did_you_mean(key, &known));
                    problems.push(format!(
                        "unknown workspace setting `{place}`; expected one of {list}, [[{from}.models]], [{from}.embedding]{meant}"
                    ));
                    continue;
                }
            },
        };
        if let Err(allowed) = set {
            problems.push(format!("`{place}` is `{}`: {allowed}", shown(key, given)));
        }
    }
    workspace.desk.settle();
    workspace
}
