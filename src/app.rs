//! The composition root: the one place that opens the parts and wires them. The server, the commands, the tests and the benchmarks all
//! begin here.

use std::{collections::HashMap, path::Path};

use anyhow::Context;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    chats::ChatLog,
    config::{Config, WorkspaceConfig},
    ids::Workspace,
    knowledge::{FolderSettings, Knowledge, KnowledgeBases, MassDelete},
    model::{Embedder, Models},
    replies::{Desk, ERASURES_FILE, Erasures, Shared, erase_again, on_redaction},
    store::Store,
};

/// What one process opens once: the database, the log of chats, the knowledge bases, the models, and a desk for each workspace.
pub struct App {
    pub store: Store,
    pub log: ChatLog,
    pub knowledge: KnowledgeBases,
    /// Those of the workspace `default`, and what all workspaces' models share: breakers, budgets, metrics.
    pub models: Models,
    pub desks: HashMap<Workspace, Desk>,
}

/// Work in the background: it ends when this is dropped.
pub struct Upkeep {
    _tasks: Vec<AbortOnDropHandle<()>>,
}

impl App {
    /// Opens everything that `config` names. The data folder is there, and this process holds its lock where others may use it.
    pub async fn open(config: &Config) -> anyhow::Result<App> {
        let store = open_store(config).await?;
        App::over(store, config).await
    }

    /// The same over a database that is open already.
    pub async fn over(store: Store, config: &Config) -> anyhow::Result<App> {
        let knowledge = KnowledgeBases::start(store.clone(), folders(config), &config.data, config.limits.report_bytes_per_day)
            .await
            .context("the knowledge base can't be opened")?;
        let log = ChatLog::start(store.clone(), config.languages(), on_redaction);
        let erasures = open_erasures(&config.data)?;
        let (people, erased) = erase_again(&store, &log, &erasures).await.context("what was erased before can't be erased again")?;
        if people > 0 {
            tracing::warn!(people, chats = erased, "a restored database held people who had been erased; they were erased again");
        }
        let models = Models::new(&config.models, config.desk.context_tokens).context("the models can't be prepared")?;
        let shared = Shared::start(store.clone(), erasures);
        let mut desks = HashMap::new();
        for workspace in config.workspaces() {
            let own = match &workspace.models {
                Some(own) => models.for_workspace(workspace.name.as_str(), own, workspace.desk.context_tokens),
                None => Ok(models.clone()),
            };
            let own = own.with_context(|| format!("the models of workspace `{}` can't be prepared", workspace.name))?;
            let embedder = embedder_of(config, &workspace)?;
            let budgets = workspace.models.as_ref().unwrap_or(&config.models).iter().filter_map(|model| model.context_tokens);
            let chats = log.of(&workspace.name).for_prompts_of(budgets.chain([workspace.desk.context_tokens]).max().unwrap_or_default());
            let WorkspaceConfig { name, desk, .. } = workspace;
            let desk = Desk::open(&shared, chats, knowledge.of(&name).clone(), own, embedder, desk)?;
            desks.insert(name, desk);
        }
        Ok(App { store, log, knowledge, models, desks })
    }

    /// Begins what goes on in the background: retention, learning, embedding.
    pub fn keep_up(&self) -> Upkeep {
        let tasks = self.desks.values().flat_map(|desk| {
            let embedding = desk.embed_documents();
            [desk.keep_to_retention(), desk.learn_from_chats()].into_iter().chain(embedding)
        });
        Upkeep { _tasks: tasks.collect() }
    }

    /// The desk of a workspace that is served.
    pub fn desk(&self, workspace: &Workspace) -> &Desk {
        self.desks.get(workspace).expect("a desk is opened for each workspace")
    }
}

/// The desk of one workspace that changes nothing: the database is read alone, nothing is taken in from the folder but what is read of it
/// anew at each start, and what is made for it goes into `scratch`.
pub async fn open_read_only(store: Store, config: &Config, workspace: WorkspaceConfig, scratch: &Path) -> anyhow::Result<Desk> {
    let WorkspaceConfig { name, knowledge_base, desk, models, .. } = workspace;
    let knowledge = Knowledge::read_only(store.clone(), name.clone(), knowledge_base, scratch).await?;
    let chats = ChatLog::start(store.clone(), config.languages(), on_redaction).of(&name);
    let models = Models::new(models.as_ref().unwrap_or(&config.models), desk.context_tokens)?;
    let shared = Shared::start(store, open_erasures(scratch)?);
    Ok(Desk::open(&shared, chats, knowledge, models, None, desk)?)
}

/// Opens the database that `config` names.
pub async fn open_store(config: &Config) -> anyhow::Result<Store> {
    let url = config.database_url.clone().unwrap_or_else(|| Store::sqlite_url(&config.data));
    Store::open(&url).await.with_context(|| match &config.database_url {
        Some(_) => "the database of `database_url` can't be opened".to_owned(),
        None => format!("the database in the data folder `{}` can't be opened", config.data.display()),
    })
}

/// Opens what the data folder remembers of erasures.
pub fn open_erasures(data: &Path) -> anyhow::Result<Erasures> {
    Erasures::open(data).with_context(|| format!("`{}` can't be read", data.join(ERASURES_FILE).display()))
}

/// Each workspace's folder of documents, where it has one.
fn folders(config: &Config) -> Vec<(Workspace, Option<FolderSettings>)> {
    let mass_delete = if config.allow_mass_delete { MassDelete::Allow } else { MassDelete::Refuse };
    let settings = |root| FolderSettings { root, watch: config.knowledge_base_watch, mass_delete };
    config.workspaces().into_iter().map(|workspace| (workspace.name, workspace.knowledge_base.map(settings))).collect()
}

fn embedder_of(config: &Config, workspace: &WorkspaceConfig) -> anyhow::Result<Option<Embedder>> {
    let models = workspace.models.as_ref().unwrap_or(&config.models);
    let endpoint = workspace.embedding.endpoint(models.first());
    endpoint.as_ref().map(Embedder::new).transpose().context("the embeddings endpoint can't be prepared")
}
