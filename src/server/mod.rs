//! One listener: accept, deadlines, drain, health, reflection.

mod accept;
mod deadline;
mod edge;
mod health;

use std::{fs::File, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    api::{self, Api},
    chats::Chats,
    config::{Config, Workspace},
    knowledge::Knowledge,
    model::{Embedder, Models},
    replies::{ERASURES_FILE, Erasures, Replies, erase_again},
    store::Store,
};

/// How often, and after what wait, a data folder that is taken is tried again.
const LOCK_TRIES: usize = 20;
const LOCK_WAIT: Duration = Duration::from_millis(25);

/// A server that serves until it is told to stop.
pub struct Server {
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    store: Store,
    /// Held as long as the data folder is in use.
    _lock: File,
}

impl Server {
    /// Opens the data folder, the knowledge base and the listener, and begins to serve.
    pub async fn start(config: Config) -> anyhow::Result<Server> {
        tokio::fs::create_dir_all(&config.data)
            .await
            .with_context(|| format!("the data folder `{}` can't be made", config.data.display()))?;
        let lock = lock(&config.data)?;
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("`listen` is `{}`, which can't be listened on; another process may have it", config.listen))?;
        let address = listener.local_addr()?;
        let url = config.database_url.clone().unwrap_or_else(|| Store::sqlite_url(&config.data));
        let store = Store::open(&url).await.with_context(|| match &config.database_url {
            Some(_) => "the database of `database_url` can't be opened".to_owned(),
            None => format!("the database in the data folder `{}` can't be opened", config.data.display()),
        })?;
        let workspace = Workspace::default_name();
        let folder = config.knowledge_base.clone().filter(|folder| folder.is_dir());
        if let (None, Some(absent)) = (&folder, &config.knowledge_base) {
            tracing::info!(folder = %absent.display(), "there is no knowledge base folder; documents come from the API alone");
        }
        let knowledge =
            Knowledge::start(store.clone(), workspace, folder, &config.data).await.context("the knowledge base can't be opened")?;
        let chats = Chats::start(store.clone(), config.desk.languages.clone());
        let models =
            Models::new(&config.models, config.desk.context_tokens, config.desk.token_limits).context("the models can't be prepared")?;
        let embedding = config.embedding.endpoint(config.models.first());
        let embedder = embedding.as_ref().map(Embedder::new).transpose().context("the embeddings endpoint can't be prepared")?;
        let desk = Arc::new(config.desk);
        let erasures =
            Erasures::open(&config.data).with_context(|| format!("`{}` can't be read", config.data.join(ERASURES_FILE).display()))?;
        let (people, erased) = erase_again(&store, &chats, &erasures).await.context("what was erased before can't be erased again")?;
        if people > 0 {
            tracing::warn!(people, chats = erased, "a restored database held people who had been erased; they were erased again");
        }
        let replies =
            Replies::start(store.clone(), chats.clone(), knowledge.clone(), models.clone(), embedder, Arc::clone(&desk), erasures)?;
        let upkeep = (
            replies.keep_to_retention(Workspace::default_name()),
            replies.learn_from_chats(Workspace::default_name()),
            replies.embed_documents(Workspace::default_name()),
        );

        let (health, watch) = health::start(store.clone(), models.clone());
        let mut routes = Api { chats, knowledge, replies, desk }.routes();
        routes = routes.add_service(health.service);
        routes = routes.add_service(
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(api::DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                .build_v1()?,
        );
        routes = routes.add_service(
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(api::DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                .build_v1alpha()?,
        );
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(async move {
            accept::serve(listener, edge::Edge::new(routes.prepare(), models), stopped, &health.reporter).await;
            drop((watch, upkeep));
        });
        Ok(Server { address, stop, serving, store, _lock: lock })
    }

    /// Stops: no new calls, those that run may end, within a bound.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if self.serving.await.is_err() {
            tracing::error!("the listener stopped unexpectedly");
        }
        self.store.close().await;
    }
}

/// Takes the data folder for this process: two would break each other's index. A process that is ending has a moment to let go of it.
pub fn lock(data: &Path) -> anyhow::Result<File> {
    let file = File::create(data.join("lock")).with_context(|| format!("the data folder `{}` can't be written to", data.display()))?;
    for _ in 0..LOCK_TRIES {
        if file.try_lock().is_ok() {
            return Ok(file);
        }
        std::thread::sleep(LOCK_WAIT);
    }
    file.try_lock()
        .with_context(|| format!("another deskhand uses the data folder `{}`; stop it, or name another folder", data.display()))?;
    Ok(file)
}
