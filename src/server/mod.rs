//! The server: one listener with accept loop, TLS, keys and scopes, deadlines, drain, health, reflection and pages.

mod accept;
mod auth;
mod compression;
mod connect;
mod connection;
mod connection_limits;
mod deadline;
mod fair_read;
mod first_key;
mod grpc_guard;
mod health;
mod pages;
mod peer;
mod query;
mod reply_body;
mod request_body;
mod responses;
mod router;
mod tls;
mod usage;

use std::{collections::HashSet, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use futures::future::join_all;
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use crate::{
    api::{self, Api},
    app::{self, App},
    config::{Config, ConfigError},
    ids::Workspace,
    keys::{Keys, Minter},
    model::Models,
    replies::Erasures,
    server::{
        auth::Authenticator,
        grpc_guard::GrpcGuard,
        router::{Metered, Router},
        tls::Tls,
    },
    store::{
        Store,
        files::{self, Lock},
    },
};

/// How long the database gets to close; work that takes longer is abandoned.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(300);

/// A running server; it serves until [`Server::stop`].
pub struct Server {
    /// The address that it listens at, with the port that the system chose if 0 was configured.
    pub address: SocketAddr,
    /// Whether callers need a key.
    pub needs_keys: bool,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    stores: Vec<Store>,
    models: Models,
    erasures: Erasures,
    /// The lock on the data folder, held while the server runs.
    _lock: Lock,
}

impl Server {
    /// Opens the data folder, the knowledge base and the listener, and starts to serve.
    pub async fn start(config: Config) -> anyhow::Result<Server> {
        config.check_folders()?;
        files::make_folder(&config.data).with_context(|| format!("can't create the data folder `{}`", config.data.display()))?;
        let lock = lock(&config.data)?;
        let listener = accept::listen(config.listen)
            .with_context(|| format!("can't listen on `{}` (`listen`); another process may be using it", config.listen))?;
        let address = listener.local_addr()?;
        let store = app::open_store(&config).await?;
        if let Some(file) = &config.first_key_file {
            first_key::make(&store, file).await?;
        }
        let minter = Minter::new(&store);
        let (keys, key_sync) = Keys::start(store.clone(), config.limits.calls_per_visitor).await.context("can't read the keys")?;
        check_exposure(&config, address, &keys)?;
        let needs_keys = keys.are_needed();
        let (tls, tls_reload) = match (&config.tls_certificate, &config.tls_key) {
            (Some(certificate), Some(key)) => {
                let tls = Tls::start(certificate.clone(), key.clone());
                Some(tls.map_err(|error| ConfigError::new(format!("{error:#}")))?).unzip()
            }
            _ => (None, None),
        };
        let app = Box::pin(App::with_store(store.clone(), &config)).await?;
        let upkeep = app.start_upkeep();
        let App { knowledge, models, erasures, others, desks, .. } = app;
        let page_checks: Vec<_> = std::iter::once(&store).chain(others.iter().map(|(_, store)| store)).map(Store::check_pages).collect();
        let (health, health_check) = health::start(store.clone(), others.clone(), knowledge.clone(), models.clone()).await;
        let stores = std::iter::once(store).chain(others.into_iter().map(|(_, store)| store)).collect();
        let names: HashSet<Workspace> = desks.keys().cloned().collect();
        let api = Arc::new(Api { desks, minter });
        let mut routes = Arc::clone(&api).routes();
        routes = routes.add_service(health.service);
        routes = routes.add_service(reflection().build_v1()?);
        routes = routes.add_service(reflection().build_v1alpha()?);
        let authenticator = Authenticator::new(keys, names, address.ip().is_loopback());
        let languages = config.workspaces().into_iter().map(|workspace| (workspace.name, workspace.desk.language)).collect();
        let router = Router::new(
            GrpcGuard::new(routes.prepare(), authenticator.clone(), languages),
            authenticator,
            api,
            Metered { knowledge, models: models.clone() },
            health.readiness.clone(),
            config.console,
        );
        let (stop, stopped) = watch::channel(false);
        let limits = config.limits.clone();
        let serving = tokio::spawn(async move {
            accept::serve(listener, router, tls, limits, stopped, &health.readiness).await;
            drop((health_check, upkeep, key_sync, tls_reload, page_checks));
        });
        Ok(Server { address, needs_keys, stop, serving, stores, models, erasures, _lock: lock })
    }

    /// Drains and stops: refuses new calls, and lets running ones finish within `drain_timeout`.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if self.serving.await.is_err() {
            tracing::error!("the listener stopped unexpectedly");
        }
        let close = async {
            self.models.give_back_tokens().await;
            join_all(self.stores.iter().map(Store::close)).await;
            self.erasures.close().await;
        };
        if timeout(CLOSE_TIMEOUT, close).await.is_err() {
            tracing::warn!("the database did not close in time; acknowledged writes are safe");
        }
    }
}

/// Refuses to serve beyond loopback without keys or TLS, unless that is allowed explicitly. Without keys, anybody who reaches the server may
/// read and erase everything; without TLS, anybody on the network path can read the keys.
fn check_exposure(config: &Config, address: SocketAddr, keys: &Keys) -> anyhow::Result<()> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    if !keys.any_valid() && !config.allow_remote_without_keys {
        bail!(ConfigError::new(format!(
            "`listen` is `{}` and there are no keys: anybody who reaches the server could read and erase everything; create a key with `deskhand \
             keys create`, listen on 127.0.0.1, or set `allow_remote_without_keys = true`",
            config.listen
        )));
    }
    if config.tls_certificate.is_none() && !config.allow_remote_without_tls && !config.allow_remote_without_keys {
        bail!(ConfigError::new(format!(
            "`listen` is `{}` without TLS: keys and customers' messages could be read on the way; set `tls_certificate` and `tls_key`, or set \
             `allow_remote_without_tls = true` if a proxy terminates TLS",
            config.listen
        )));
    }
    Ok(())
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(api::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

/// Locks the data folder for this process.
pub fn lock(data: &Path) -> anyhow::Result<Lock> {
    let lock = files::lock(data).with_context(|| format!("can't write to the data folder `{}`", data.display()))?;
    lock.with_context(|| format!("another deskhand uses the data folder `{}`; stop it, or name another folder", data.display()))
}
