//! Reads a task from its folder.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, de::DeserializeOwned};

use crate::cli::eval::files;

/// Documents, queries, and which documents answer which query.
pub struct Task {
    pub name: String,
    pub documents: Vec<TaskDocument>,
    pub queries: Vec<Query>,
    pub answers: HashMap<String, HashSet<String>>,
}

#[derive(Deserialize)]
pub struct TaskDocument {
    pub id: String,
    pub title: String,
    pub body: String,
    pub lang: String,
    #[serde(default)]
    pub category: String,
    #[serde(default)]
    pub tags: Vec<String>,
}

#[derive(Deserialize)]
pub struct Query {
    pub id: String,
    #[serde(default)]
    pub text: String,
    #[serde(default)]
    pub turns: Vec<Turn>,
    pub lang: String,
    /// Out of scope: no document answers it.
    #[serde(default)]
    pub oos: bool,
}

#[derive(Deserialize)]
pub struct Turn {
    pub role: Role,
    pub text: String,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Customer,
    Agent,
}

impl Query {
    /// The conversation that it is a part of.
    pub fn conversation(&self) -> &str {
        if self.turns.is_empty() { &self.id } else { self.id.rsplit_once('-').map_or(&self.id, |(conversation, _)| conversation) }
    }
}

impl Task {
    pub fn read(folder: &Path) -> anyhow::Result<Task> {
        ensure!(folder.is_dir(), "`{}` is not a folder; name a task folder (see `deskhand eval --help` for its files)", folder.display());
        let mut corpus = folder.join("corpus.jsonl");
        let text = fs::read_to_string(&corpus).with_context(|| format!("can't read `{}`", corpus.display()))?;
        if !text.trim_start().starts_with('{') && text.trim().lines().count() == 1 {
            corpus = folder.join(text.trim());
        }
        let documents: Vec<TaskDocument> = lines(&corpus)?;
        let queries: Vec<Query> = lines(&folder.join("queries.jsonl"))?;
        ensure!(!documents.is_empty(), "`{}` has no documents", corpus.display());
        ensure!(!queries.is_empty(), "`{}` has no queries", folder.join("queries.jsonl").display());

        let path = folder.join("qrels.tsv");
        let text = fs::read_to_string(&path).with_context(|| format!("can't read `{}`", path.display()))?;
        let ids: HashSet<&str> = documents.iter().map(|document| document.id.as_str()).collect();
        let mut answers: HashMap<String, HashSet<String>> = HashMap::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
            let mut columns = line.split('\t');
            let (Some(query), Some(document)) = (columns.next(), columns.next()) else {
                bail!("{}:{}: expected a query id, a tab and a document id", path.display(), number + 1)
            };
            ensure!(ids.contains(document), "{}:{}: unknown document `{document}`", path.display(), number + 1);
            answers.entry(query.to_owned()).or_default().insert(document.to_owned());
        }
        for query in &queries {
            ensure!(query.text.is_empty() != query.turns.is_empty(), "query `{}` must have either a text or turns", query.id);
            ensure!(
                query.turns.last().is_none_or(|turn| turn.role == Role::Customer),
                "the last turn of query `{}` must be the customer's",
                query.id
            );
            ensure!(
                query.oos || answers.contains_key(&query.id),
                "{}: no document answers query `{}`; mark it `oos` if that is intended",
                path.display(),
                query.id
            );
        }
        let name = folder.canonicalize()?.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Task { name, documents, queries, answers })
    }

    pub fn has_chats(&self) -> bool {
        self.queries.iter().any(|query| !query.turns.is_empty())
    }
}

/// Reads a file of one JSON object per line.
pub fn lines<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Vec<T>> {
    Ok(files::read(path, "line of it")?.into_iter().map(|placed| placed.value).collect())
}
