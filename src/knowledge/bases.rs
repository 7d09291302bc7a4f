//! The knowledge bases of all workspaces.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, atomic::Ordering},
};

use prometheus_client::registry::Registry;

use crate::{
    ids::Workspace,
    knowledge::{Base, FolderSettings, Knowledge, KnowledgeError, concurrency_limit, documents::watch::FolderState, report::Report},
    spelling::Dictionaries,
    store::Store,
    telemetry::metrics::{counter, gauge},
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

    /// Lets a registry report the folders, the documents, how far each index is behind its catalog, and the searches.
    pub fn register_metrics(&self, registry: &mut Registry) {
        type FolderGauge = (&'static str, &'static str, fn(&FolderState) -> u64);
        let of_folder: [FolderGauge; 4] = [
            ("documents_withdrawn", "Documents that the public does not see, as their file can't be used", |state| {
                state.withdrawn.load(Ordering::Relaxed)
            }),
            ("folder_problems", "Problems in the knowledge base folder, as `deskhand check` shows them", |state| {
                state.problems.load(Ordering::Relaxed)
            }),
            ("folder_refused", "Whether the folder would delete most documents, so that nothing of it is taken in", |state| {
                u64::from(state.refused.load(Ordering::Relaxed))
            }),
            ("folder_missing", "Whether the folder can't be read, so that its documents stay as they were", |state| {
                u64::from(state.missing.load(Ordering::Relaxed))
            }),
        ];
        for (name, help, value) in of_folder {
            self.gauge(registry, name, help, move |base| value(&base.folder));
        }
        self.gauge(registry, "documents", "Documents in the index, each language counted", |base| base.index.snapshot().documents());
        let help = "Changes of documents that searches don't find yet";
        self.gauge(registry, "index_lag_changes", help, |base| {
            let catalog = &base.catalog;
            base.index.lag(catalog.store.pulses().last().of(catalog.workspace.as_str()).documents)
        });
        let bases = Arc::clone(&self.0);
        counter(registry, "searches", "Searches, by whether they found an article", move || {
            let by_result = |knowledge: &Knowledge, found: bool| {
                let labels = vec![("workspace", knowledge.workspace.to_string()), ("found", found.to_string())];
                (labels, knowledge.base.searches[usize::from(found)].load(Ordering::Relaxed))
            };
            bases.values().flat_map(|knowledge| [by_result(knowledge, false), by_result(knowledge, true)]).collect()
        });
    }

    fn gauge(&self, registry: &mut Registry, name: &'static str, help: &'static str, value: impl Fn(&Base) -> u64 + Send + Sync + 'static) {
        let bases = Arc::clone(&self.0);
        let of = move |knowledge: &Knowledge| (vec![("workspace", knowledge.workspace.to_string())], value(&knowledge.base));
        gauge(registry, name, help, move || bases.values().map(&of).collect());
    }
}
