//! The composition root: the one place that opens the parts and wires them. The server and the commands start here.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use anyhow::{Context, bail};
use prometheus_client::registry::Registry;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    chats::{self, ChatLog, Chats},
    config::{Config, ConfigError, WorkspaceConfig},
    ids::Workspace,
    knowledge::{FolderSettings, Knowledge, KnowledgeBases, MassDelete},
    model::{Embedder, Models},
    replies::{
        Desk, ERASURES_FILE, Erasures, OfferCounts, Shared, TokenLedger, erase_again, erasure_home, move_erasure_home, on_redaction,
    },
    spelling::Dictionaries,
    store::{self, Dialect, Store},
    telemetry::metrics::gauge,
};

/// What a process opens once: the databases, their chat logs, the knowledge bases, the models, and a desk for each workspace.
pub struct App {
    /// The database of all workspaces that have none of their own, of the keys, and of the token budgets.
    pub store: Store,
    /// The databases that some workspaces have for themselves, each with its workspaces.
    pub others: Vec<(Vec<Workspace>, Store)>,
    /// The chats in each database, the main one first.
    logs: Vec<ChatLog>,
    /// What agents were offered, and what they did with it.
    offers: OfferCounts,
    /// The knowledge base of each workspace, each with its index.
    pub knowledge: KnowledgeBases,
    /// The models of the workspace `default`, and the state that all workspaces' models share: breakers, budgets, metrics.
    pub models: Models,
    /// Where erasures are remembered.
    pub erasures: Erasures,
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
        Box::pin(App::with_store(store, config)).await
    }

    /// The same with the main database open already.
    pub async fn with_store(store: Store, config: &Config) -> anyhow::Result<App> {
        let dictionaries = Dictionaries::new(config.dictionaries.clone());
        let models = Models::new(&config.models, config.desk.context_limits()).context("can't prepare the models")?;
        models.lease_tokens_from(TokenLedger(store.clone()));
        let erasures = open_erasures(config, &store).await?;
        let others = open_others(config).await?;
        let (mut logs, mut desks, mut knowledge) = (Vec::new(), HashMap::new(), None::<KnowledgeBases>);
        let offers = OfferCounts::default();
        let all = config.workspaces().into_iter().map(|workspace| workspace.name);
        let in_main: Vec<Workspace> = all.filter(|name| !config.workspace_databases.contains_key(name)).collect();
        for (names, store) in std::iter::once((&in_main, &store)).chain(others.iter().map(|(names, store)| (names, store))) {
            let is_here = |workspace: &Workspace| names.contains(workspace);
            let folders = folders(config).into_iter().filter(|(workspace, _)| is_here(workspace)).collect();
            let bases = KnowledgeBases::start(store.clone(), folders, &config.data, config.limits.report_bytes_per_day, &dictionaries)
                .await
                .context("can't open the knowledge base")?;
            let log = ChatLog::start(store.clone(), config.languages(), on_redaction);
            log.take_over_words().await.context("can't take over the words of the archive")?;
            erase_restored(config, store, &log, &erasures).await?;
            let shared = Shared::start(store.clone(), erasures.clone(), dictionaries.clone(), offers.clone());
            for workspace in config.workspaces().into_iter().filter(|workspace| is_here(&workspace.name)) {
                let workspace_models = match &workspace.models {
                    Some(own) => models.for_workspace(workspace.name.as_str(), own, workspace.desk.context_limits()),
                    None => Ok(models.clone()),
                };
                let workspace_models =
                    workspace_models.with_context(|| format!("can't prepare the models of workspace `{}`", workspace.name))?;
                let embedder = embedder_of(config, &workspace)?;
                let chats = chats_of(&log, config, &workspace);
                let WorkspaceConfig { name, desk, .. } = workspace;
                let desk = Desk::open(&shared, chats, bases.of(&name).clone(), workspace_models, embedder, desk)?;
                desks.insert(name, desk);
            }
            logs.push(log);
            knowledge = Some(match knowledge {
                Some(knowledge) => knowledge.and(bases),
                None => bases,
            });
        }
        let knowledge = knowledge.expect("the main database is one of them");
        Ok(App { store, others, logs, offers, knowledge, models, erasures, desks })
    }

    /// Starts the background tasks: retention, learning, running summaries, embedding, and settling of token budgets.
    pub fn start_upkeep(&self) -> Upkeep {
        let tasks = self.desks.values().flat_map(|desk| {
            let embedding = desk.embed_documents();
            [desk.keep_to_retention(), desk.learn_from_chats(), desk.keep_running_summaries()].into_iter().chain(embedding)
        });
        Upkeep {
            _tasks: tasks
                .chain(self.models.keep_budgets_settled())
                .chain(self.logs.iter().map(ChatLog::keep_taking_over_words))
                .chain(self.logs.iter().map(ChatLog::keep_changes_pruned))
                .collect(),
        }
    }

    /// Lets a registry report the metrics of everything that is open.
    pub fn register_metrics(&self, registry: &mut Registry) {
        let names = std::iter::once("main".to_owned()).chain(self.others.iter().map(|(workspaces, _)| workspaces[0].to_string()));
        let names: Vec<String> = names.collect();
        let stores = std::iter::once(&self.store).chain(self.others.iter().map(|(_, store)| store));
        store::metrics::register(registry, &names.iter().cloned().zip(stores.cloned()).collect::<Vec<_>>());
        chats::metrics::register(registry, &names.iter().cloned().zip(self.logs.iter().cloned()).collect::<Vec<_>>());
        self.knowledge.register_metrics(registry);
        self.models.register_metrics(registry);
        self.offers.register(registry);
        let desks = self.desks.clone();
        gauge(registry, "embeddings_waiting", "Documents that wait to be embedded, on the server that does it", move || {
            let of = |(name, desk): (&Workspace, &Desk)| Some((vec![("workspace", name.to_string())], desk.embeddings_waiting()?));
            desks.iter().filter_map(of).collect()
        });
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
    let erasures = Erasures::in_folder(scratch)?;
    let shared = Shared::start(store, erasures, Dictionaries::new(config.dictionaries.clone()), OfferCounts::default());
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

/// Opens the databases that workspaces have for themselves. Workspaces with the same one share it.
async fn open_others(config: &Config) -> anyhow::Result<Vec<(Vec<Workspace>, Store)>> {
    let mut workspaces: BTreeMap<&String, Vec<Workspace>> = BTreeMap::new();
    for (workspace, url) in &config.workspace_databases {
        if Some(url) == config.database_url.as_ref() {
            bail!(ConfigError::new(format!("`workspaces.{workspace}.database_url` is the `database_url` of all; leave it out")));
        }
        workspaces.entry(url).or_default().push(workspace.clone());
    }
    let mut opened = Vec::new();
    for (url, names) in workspaces {
        let store = Store::open(url).await.with_context(|| format!("can't open the database of workspace `{}`", names[0]))?;
        opened.push((names, store));
    }
    Ok(opened)
}

/// Opens the memory of erasures, and makes sure that no other server of the database remembers them elsewhere.
async fn open_erasures(config: &Config, store: &Store) -> anyhow::Result<Erasures> {
    let Some(url) = &config.erasures_url else {
        let erasures = erasures_in_folder(&config.data)?;
        let is_alone = store.dialect() == Dialect::Sqlite || erasure_home(store, &erasures.home()).await? == erasures.home();
        if !is_alone {
            let problem = "another server of this database remembers erasures in its own data folder, so that after a restore what was erased \
                           could come back; give all servers the same `erasures_url`";
            if !config.listen.ip().is_loopback() {
                bail!(ConfigError::new(problem.to_owned()));
            }
            tracing::warn!("{problem}");
        }
        return Ok(erasures);
    };
    let database = Store::open_beside(url).await.context("can't open the database of `erasures_url`")?;
    let erasures = Erasures::in_database(database).await.context("can't read the database of `erasures_url`")?;
    if store.dialect() == Dialect::Postgres && erasure_home(store, &erasures.home()).await? != erasures.home() {
        move_erasure_home(store, &erasures.home()).await?;
    }
    Ok(erasures)
}

/// Opens the data folder's memory of erasures.
pub fn erasures_in_folder(data: &Path) -> anyhow::Result<Erasures> {
    Erasures::in_folder(data).with_context(|| format!("can't read `{}`", data.join(ERASURES_FILE).display()))
}

/// Erases again what a restored database brought back.
async fn erase_restored(config: &Config, store: &Store, log: &ChatLog, erasures: &Erasures) -> anyhow::Result<()> {
    // The folder remembers those from before `erasures_url` was set.
    let before =
        if erasures.is_shared() && config.data.join(ERASURES_FILE).exists() { Some(erasures_in_folder(&config.data)?) } else { None };
    for erasures in before.iter().chain([erasures]) {
        let (people, erased) = erase_again(store, log, erasures).await.context("can't repeat earlier erasures")?;
        if people > 0 {
            tracing::warn!(people, chats = erased, "the restored database contained erased people; they were erased again");
        }
    }
    Ok(())
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
