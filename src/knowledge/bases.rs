//! The knowledge bases of all workspaces.

use std::{
    collections::HashMap,
    fmt::Write,
    path::Path,
    sync::{Arc, atomic::Ordering},
};

use crate::{
    ids::Workspace,
    knowledge::{Base, FolderSettings, Knowledge, KnowledgeError, concurrency_limit, documents::watch::FolderState, report::Report},
    spelling::Dictionaries,
    store::Store,
};

/// The knowledge base of every workspace.
#[derive(Clone)]
pub struct KnowledgeBases(Arc<HashMap<Workspace, Knowledge>>);

impl KnowledgeBases {
    /// Opens each workspace's knowledge base: imports its folder, catches its index up, and follows both. A workspace without a folder is
    /// served from its catalog. `report_bytes_per_day` limits what the public's searches, opened articles, and ratings may add to each
    /// workspace's report in a day.
    /// By `dictionaries` a search tells a right word that no article has from a misspelling.
    pub async fn start(
        store: Store,
        folders: Vec<(Workspace, Option<FolderSettings>)>,
        data: &Path,
        report_bytes_per_day: u64,
        dictionaries: &Dictionaries,
    ) -> Result<KnowledgeBases, KnowledgeError> {
        let report = Report::start(store.clone()).with_bytes_per_day(report_bytes_per_day);
        let concurrency_limit = concurrency_limit();
        let mut bases = HashMap::new();
        for (workspace, folder) in folders {
            let base = Arc::new(Base::start(store.clone(), workspace.clone(), folder, data, dictionaries.clone()).await?);
            let knowledge =
                Knowledge { workspace: workspace.clone(), base, report: report.clone(), concurrency_limit: Arc::clone(&concurrency_limit) };
            bases.insert(workspace, knowledge);
        }
        Ok(KnowledgeBases(Arc::new(bases)))
    }

    /// Joins the knowledge bases of other workspaces with these; all share one limit of concurrent queries.
    pub fn and(self, others: KnowledgeBases) -> KnowledgeBases {
        let mut all = HashMap::clone(&self.0);
        let limit = all.values().next().map(|knowledge| Arc::clone(&knowledge.concurrency_limit));
        for (workspace, knowledge) in others.0.iter() {
            let concurrency_limit = limit.clone().unwrap_or_else(|| Arc::clone(&knowledge.concurrency_limit));
            all.insert(workspace.clone(), Knowledge { concurrency_limit, ..knowledge.clone() });
        }
        KnowledgeBases(Arc::new(all))
    }

    /// Returns the knowledge base of a workspace that was opened at start.
    pub fn of(&self, workspace: &Workspace) -> &Knowledge {
        self.0.get(workspace).expect("a caller's workspace is one that was opened at start")
    }

    /// Returns whether every index has the documents that its catalog had at the start.
    pub fn have_caught_up(&self) -> bool {
        self.0.values().all(|knowledge| knowledge.base.index.has_caught_up())
    }

    /// Returns the folders' metrics in Prometheus format.
    pub fn metrics(&self) -> String {
        type UsageLimit = (&'static str, &'static str, fn(&FolderState) -> u64);
        let gauges: [UsageLimit; 4] = [
            ("deskhand_documents_withdrawn", "Documents that the public does not see, as their file can't be used.", |state| {
                state.withdrawn.load(Ordering::Relaxed)
            }),
            ("deskhand_folder_problems", "Problems in the knowledge base folder, as `deskhand check` shows them.", |state| {
                state.problems.load(Ordering::Relaxed)
            }),
            ("deskhand_folder_refused", "Whether the folder would delete most documents, so that nothing of it is taken in.", |state| {
                u64::from(state.refused.load(Ordering::Relaxed))
            }),
            ("deskhand_folder_missing", "Whether the folder can't be read, so that its documents stay as they were.", |state| {
                u64::from(state.missing.load(Ordering::Relaxed))
            }),
        ];
        let mut bases: Vec<&Knowledge> = self.0.values().collect();
        bases.sort_by_key(|knowledge| knowledge.workspace.as_str());
        let mut written = String::new();
        for (name, help, value) in gauges {
            let _ = writeln!(written, "# HELP {name} {help}\n# TYPE {name} gauge");
            for Knowledge { workspace, base, .. } in &bases {
                let _ = writeln!(written, "{name}{{workspace=\"{workspace}\"}} {}", value(&base.folder));
            }
        }
        written
    }
}
