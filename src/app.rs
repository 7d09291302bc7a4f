//! The composition root: the one place that opens the parts and wires them. The server and the commands start here.

use std::{collections::HashMap, path::Path};

use anyhow::Context;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    chats::{ChatLog, Chats},
    config::{Config, WorkspaceConfig},
    ids::Workspace,
    knowledge::{FolderSettings, Knowledge, KnowledgeBases, MassDelete},
    model::{Embedder, Models},
    replies::{Desk, ERASURES_FILE, Erasures, Shared, TokenLedger, erase_again, on_redaction},
    spelling::Dictionaries,
    store::Store,
};

/// What a process opens once: the database, the chat log, the knowledge bases, the models, and a desk for each workspace.
pub struct App {
    /// The database of all workspaces.
    pub store: Store,
    /// The chats of all workspaces.
    pub log: ChatLog,
    /// The knowledge base of each workspace, each with its index.
    pub knowledge: KnowledgeBases,
    /// The models of the workspace `default`, and the state that all workspaces' models share: breakers, budgets, metrics.
    pub models: Models,
    /// A desk for every configured workspace, `default` among them.
    pub desks: HashMap<Workspace, Desk>,
}

/// Background tasks; they end when this is dropped.
pub struct Upkeep {
    _tasks: Vec<AbortOnDropHandle<()>>,
}

impl App {
    /// Opens everything that `config` names. The data folder must exist, and be locked by this process if others may use it.
    pub async fn open(config: &Config) -> anyhow::Result<App> {
        let store = open_store(config).await?;
        App::with_store(store, config).await
    }

    /// The same with a database that is open already.
    pub async fn with_store(store: Store, config: &Config) -> anyhow::Result<App> {
        let dictionaries = Dictionaries::new(config.dictionaries.clone());
        let report_bytes_per_day = config.limits.report_bytes_per_day;
        let knowledge = KnowledgeBases::start(store.clone(), folders(config), &config.data, report_bytes_per_day, &dictionaries)
            .await
            .context("can't open the knowledge base")?;
        let log = ChatLog::start(store.clone(), config.languages(), on_redaction);
        log.take_over_words().await.context("can't take over the words of the archive")?;
        let erasures = open_erasures(&config.data)?;
        let (people, erased) = erase_again(&store, &log, &erasures).await.context("can't repeat earlier erasures")?;
        if people > 0 {
            tracing::warn!(people, chats = erased, "the restored database contained erased people; they were erased again");
        }
        let models = Models::new(&config.models, config.desk.context_limits()).context("can't prepare the models")?;
        models.lease_tokens_from(TokenLedger(store.clone()));
        let shared = Shared::start(store.clone(), erasures, dictionaries);
        let mut desks = HashMap::new();
        for workspace in config.workspaces() {
            let workspace_models = match &workspace.models {
                Some(own) => models.for_workspace(workspace.name.as_str(), own, workspace.desk.context_limits()),
                None => Ok(models.clone()),
            };
            let workspace_models =
                workspace_models.with_context(|| format!("can't prepare the models of workspace `{}`", workspace.name))?;
            let embedder = embedder_of(config, &workspace)?;
            let chats = chats_of(&log, config, &workspace);
            let WorkspaceConfig { name, desk, .. } = workspace;
            let desk = Desk::open(&shared, chats, knowledge.of(&name).clone(), workspace_models, embedder, desk)?;
            desks.insert(name, desk);
        }
        Ok(App { store, log, knowledge, models, desks })
    }

    /// Starts the background tasks: retention, learning, running summaries, embedding, and settling of token budgets.
    pub fn start_upkeep(&self) -> Upkeep {
        let tasks = self.desks.values().flat_map(|desk| {
            let embedding = desk.embed_documents();
            [desk.keep_to_retention(), desk.learn_from_chats(), desk.keep_running_summaries()].into_iter().chain(embedding)
        });
        Upkeep { _tasks: tasks.chain(self.models.keep_budgets_settled()).chain([self.log.keep_taking_over_words()]).collect() }
    }

    /// The desk of a configured workspace.
    pub fn desk(&self, workspace: &Workspace) -> &Desk {
        self.desks.get(workspace).expect("a desk is opened for each workspace")
    }
}

/// Opens the desk of one workspace read-only. Documents come from the database; of the folder only the files that every start reads anew are
/// read. Temporary files go into `scratch`.
pub async fn open_read_only(store: Store, config: &Config, workspace: WorkspaceConfig, scratch: &Path) -> anyhow::Result<Desk> {
    let chats = chats_of(&ChatLog::start(store.clone(), config.languages(), on_redaction), config, &workspace);
    let WorkspaceConfig { name, knowledge_base, desk, models, .. } = workspace;
    let knowledge = Knowledge::read_only(store.clone(), name, knowledge_base, scratch).await?;
    let models = Models::new(models.as_ref().unwrap_or(&config.models), desk.context_limits())?;
    let shared = Shared::start(store, open_erasures(scratch)?, Dictionaries::new(config.dictionaries.clone()));
    Ok(Desk::open(&shared, chats, knowledge, models, None, desk)?)
}

/// Opens the database that `config` names.
pub async fn open_store(config: &Config) -> anyhow::Result<Store> {
    let url = config.database_url.clone().unwrap_or_else(|| Store::sqlite_url(&config.data));
    Store::open(&url).await.with_context(|| match &config.database_url {
        Some(_) => "can't open the database of `database_url`".to_owned(),
        None => format!("can't open the database in the data folder `{}`", config.data.display()),
    })
}

/// Opens the data folder's log of erasures.
pub fn open_erasures(data: &Path) -> anyhow::Result<Erasures> {
    Erasures::open(data).with_context(|| format!("can't read `{}`", data.join(ERASURES_FILE).display()))
}

/// Each workspace's knowledge base folder, if it has one.
fn folders(config: &Config) -> Vec<(Workspace, Option<FolderSettings>)> {
    let mass_delete = if config.allow_mass_delete { MassDelete::Allow } else { MassDelete::Refuse };
    let settings = |root| FolderSettings { root, watch: config.knowledge_base_watch, mass_delete };
    config.workspaces().into_iter().map(|workspace| (workspace.name, workspace.knowledge_base.map(settings))).collect()
}

/// A workspace's chats, read as far as the largest budget of its models needs.
fn chats_of(log: &ChatLog, config: &Config, workspace: &WorkspaceConfig) -> Chats {
    let models = workspace.models.as_ref().unwrap_or(&config.models);
    let budgets = models.iter().filter_map(|model| model.context_tokens);
    log.of(&workspace.name).for_prompts_of(budgets.fold(workspace.desk.context_tokens, usize::max))
}

fn embedder_of(config: &Config, workspace: &WorkspaceConfig) -> anyhow::Result<Option<Embedder>> {
    let models = workspace.models.as_ref().unwrap_or(&config.models);
    let endpoint = workspace.embedding.endpoint(models.first());
    endpoint.as_ref().map(Embedder::new).transpose().context("can't prepare the embeddings endpoint")
}
