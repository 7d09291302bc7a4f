//! The server: one listener with accept loop, TLS, keys and scopes, deadlines, drain, health, reflection and pages.

mod accept;
mod audience;
mod auth;
mod call;
mod compression;
mod connect;
mod connection;
mod connection_limits;
mod cors;
mod deadline;
mod fair_read;
mod first_key;
mod forwarded;
mod grpc_guard;
mod health;
mod help_center;
mod pages;
mod peer;
mod process;
mod proxy_protocol;
mod query;
mod reply_body;
mod request_body;
mod responses;
mod router;
mod settings_change;
mod tls;
mod usage;
mod watch_end;
mod watch_limits;

use std::{collections::HashSet, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use futures::future::join_all;
use prometheus_client::registry::Registry;
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use crate::{
    api::{self, Api},
    app::{self, App},
    config::{Config, ConfigError},
    ids::Workspace,
    keys::{Audit, Keys, Minter},
    model::Models,
    replies::Erasures,
    server::{
        audience::Audience,
        auth::Authenticator,
        call::CallMetrics,
        grpc_guard::GrpcGuard,
        help_center::{HelpCenterServer, HelpCenters},
        router::{Metrics, Router},
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
    /// The address of the listener for metrics and probes, if there is one.
    pub operations_address: Option<SocketAddr>,
    /// The address of the listener for help pages, if there is one.
    pub help_address: Option<SocketAddr>,
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
        let centers = Arc::new(HelpCenters::read(&config)?);
        files::make_folder(&config.data).with_context(|| format!("can't create the data folder `{}`", config.data.display()))?;
        let lock = lock(&config.data)?;
        let listener = accept::listen(config.listen)
            .with_context(|| format!("can't listen on `{}` (`listen`); another process may be using it", config.listen))?;
        let address = listener.local_addr()?;
        let beside = [
            ("operations_listen", config.operations_listen, Audience::Operators),
            ("help_listen", config.help_listen, Audience::Customers),
        ];
        let mut listeners = Vec::new();
        for (setting, wanted, audience) in beside {
            let Some(wanted) = wanted else { continue };
            let listener = accept::listen(wanted).with_context(|| format!("can't listen on `{wanted}` (`{setting}`)"))?;
            listeners.push((setting, listener.local_addr()?, audience, listener));
        }
        let store = app::open_store(&config).await?;
        if let Some(file) = &config.first_key_file {
            first_key::make(&store, file).await?;
        }
        let minter = Minter::new(&store);
        let (keys, key_sync) = Keys::start(store.clone(), config.limits.calls_per_visitor).await.context("can't read the keys")?;
        check_exposure(&config, "listen", address, &keys)?;
        listeners.iter().try_for_each(|(setting, address, ..)| check_exposure(&config, setting, *address, &keys))?;
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
        let mut registry = Registry::default();
        let ours = registry.sub_registry_with_prefix("deskhand");
        app.register_metrics(ours);
        let App { knowledge, models, erasures, others, desks, .. } = app;
        let page_checks: Vec<_> = std::iter::once(&store).chain(others.iter().map(|(_, store)| store)).map(Store::check_pages).collect();
        let (health, health_check) = health::start(store.clone(), others.clone(), knowledge.clone(), models.clone()).await;
        let main = store.clone();
        let stores = std::iter::once(store).chain(others.into_iter().map(|(_, store)| store)).collect();
        let names: HashSet<Workspace> = desks.keys().cloned().collect();
        let audit = Audit::new(main);
        audit.expire().await.context("can't delete old entries of the audit log")?;
        settings_change::record(&config, &audit).await.context("can't record which settings changed")?;
        let api = Arc::new(Api { desks, audit, minter });
        let mut routes = Arc::clone(&api).routes();
        routes = routes.add_service(health.service);
        routes = routes.add_service(reflection().build_v1()?);
        routes = routes.add_service(reflection().build_v1alpha()?);
        let authenticator = Authenticator::new(keys, names, address.ip().is_loopback());
        authenticator.register_metrics(ours);
        health.readiness.register_metrics(ours);
        let calls = CallMetrics::new();
        calls.register(&mut registry);
        process::register_metrics(&mut registry);
        let languages = config.workspaces().into_iter().map(|workspace| (workspace.name, workspace.desk.language)).collect();
        let help_center = HelpCenterServer { centers, authenticator: authenticator.clone(), api: Arc::clone(&api), calls: calls.clone() };
        let router = Router::new(
            GrpcGuard::new(routes.prepare(), authenticator.clone(), languages, calls.clone()),
            help_center,
            authenticator,
            api,
            Metrics { calls, registry },
            health.readiness.clone(),
            config.console,
        );
        let metrics = config.operations_listen.is_none();
        let address_for =
            |wanted: Audience| listeners.iter().find(|(_, _, audience, _)| *audience == wanted).map(|(_, address, ..)| *address);
        let (operations_address, help_address) = (address_for(Audience::Operators), address_for(Audience::Customers));
        let beside = listeners.into_iter().map(|(_, _, audience, listener)| (listener, router.for_audience(audience)));
        let listeners = beside.chain([(listener, router.for_audience(Audience::Everybody { metrics }))]).collect();
        let (stop, stopped) = watch::channel(false);
        let limits = config.limits.clone();
        let serving = tokio::spawn(async move {
            accept::serve(listeners, tls, limits, stopped, &health.readiness).await;
            drop((health_check, upkeep, key_sync, tls_reload, page_checks));
        });
        Ok(Server { address, operations_address, help_address, needs_keys, stop, serving, stores, models, erasures, _lock: lock })
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
fn check_exposure(config: &Config, setting: &str, address: SocketAddr, keys: &Keys) -> anyhow::Result<()> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    if !keys.any_valid() && !config.allow_remote_without_keys {
        bail!(ConfigError::new(format!(
            "`{setting}` is `{address}` and there are no keys: anybody who reaches the server could read and erase everything; create a key with \
             `deskhand keys create`, listen on 127.0.0.1, or set `allow_remote_without_keys = true`"
        )));
    }
    if config.tls_certificate.is_none() && !config.allow_remote_without_tls && !config.allow_remote_without_keys {
        bail!(ConfigError::new(format!(
            "`{setting}` is `{address}` without TLS: keys and customers' messages could be read on the way; set `tls_certificate` and `tls_key`, or \
             set `allow_remote_without_tls = true` if a proxy terminates TLS"
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
