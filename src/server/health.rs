//! The gRPC health service, per service and model: a service is serving once its indexes have caught up, and while the database answers and
//! accepts writes; a model while its circuit breaker lets calls through; a workspace with a database of its own while that one does. `/readyz`
//! tells the first over HTTP.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{Stream, StreamExt, stream};
use prometheus_client::registry::Registry;
use tokio::time::{interval, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;
use tonic::{Request, Response, Status};
use tonic_health::{
    ServingStatus,
    pb::{
        HealthCheckRequest, HealthCheckResponse,
        health_check_response::ServingStatus as WireStatus,
        health_server::{Health as HealthCalls, HealthServer},
    },
    server::{HealthReporter, HealthService},
};

use crate::{
    api::SERVICES,
    ids::Workspace,
    knowledge::KnowledgeBases,
    model::Models,
    store::{State, Store},
    task,
    telemetry::metrics::gauge,
};

/// Prefixes of the health service names of a model, and of a workspace with a database of its own.
const MODEL_PREFIX: &str = "model/";
const WORKSPACE_PREFIX: &str = "workspace/";
/// How often the database is checked, and how long it may take to answer.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether the server is ready, as the health service and `/readyz` report it.
#[derive(Clone)]
pub struct Readiness {
    reporter: HealthReporter,
    ready: Arc<AtomicBool>,
    draining: Arc<AtomicBool>,
}

impl Readiness {
    /// Returns whether the server is ready.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    /// Lets a registry report it.
    pub fn register_metrics(&self, registry: &mut Registry) {
        let readiness = self.clone();
        gauge(registry, "ready", "Whether the server is ready for calls, as `/readyz` tells", move || {
            vec![(Vec::new(), u64::from(readiness.is_ready()))]
        });
    }

    /// Reports from now on that the server is not ready: it drains.
    pub async fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.report(false).await;
    }

    async fn report(&self, serves: bool) {
        let serves = serves && !self.draining.load(Ordering::Relaxed);
        self.ready.store(serves, Ordering::Relaxed);
        let status = if serves { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in SERVICES.iter().copied().chain([""]) {
            self.reporter.set_service_status(service, status).await;
        }
    }
}

/// The health service, and what it reports.
pub struct Health {
    pub service: HealthServer<HealthChecks>,
    pub readiness: Readiness,
}

/// Starts to watch the databases, the indexes and the models; the watches end when their handles are dropped.
pub async fn start(
    store: Store,
    others: Vec<(Vec<Workspace>, Store)>,
    knowledge: KnowledgeBases,
    models: Models,
) -> (Health, Vec<AbortOnDropHandle<()>>) {
    let reporter = HealthReporter::new();
    let service = HealthServer::new(HealthChecks(Arc::new(HealthService::from_health_reporter(reporter.clone()))));
    let readiness = Readiness { reporter, ready: Arc::default(), draining: Arc::default() };
    readiness.report(false).await;
    let reported = readiness.clone();
    let mut watches =
        vec![task::supervised("watching the database", move || watch(store.clone(), knowledge.clone(), models.clone(), reported.clone()))];
    for (workspaces, store) in others {
        let reporter = readiness.reporter.clone();
        let watch = move || watch_other(workspaces.clone(), store.clone(), reporter.clone());
        watches.push(task::supervised("watching the database of a workspace", watch));
    }
    (Health { service, readiness }, watches)
}

/// Watches a database that some workspaces have for themselves. While it is down the others are served, so the server stays ready.
async fn watch_other(workspaces: Vec<Workspace>, store: Store, reporter: HealthReporter) {
    let mut last = None;
    loop {
        let state = timeout(CHECK_TIMEOUT, store.state()).await.unwrap_or(State::Down);
        if last.replace(state) != Some(state) {
            let workspace = workspaces[0].as_str();
            match state {
                State::Down => tracing::error!(workspace, "the workspace's database does not answer"),
                State::ReadOnly => tracing::error!(workspace, "the workspace's database accepts no writes"),
                State::Up => tracing::info!(workspace, "the workspace's database answers and accepts writes"),
            }
            let status = if state == State::Up { ServingStatus::Serving } else { ServingStatus::NotServing };
            for workspace in &workspaces {
                reporter.set_service_status(format!("{WORKSPACE_PREFIX}{workspace}"), status).await;
            }
        }
        tokio::select! {
            () = sleep(CHECK_INTERVAL) => {}
            () = store.changed_from(state) => {}
        }
    }
}

async fn watch(store: Store, knowledge: KnowledgeBases, models: Models, readiness: Readiness) {
    let mut ticks = interval(CHECK_INTERVAL);
    let (mut last, mut served) = (None, None);
    loop {
        let state = timeout(CHECK_TIMEOUT, store.state()).await.unwrap_or(State::Down);
        if last != Some(state) {
            match (state, last) {
                (State::Down, _) => tracing::error!("the database does not answer"),
                (State::ReadOnly, _) => tracing::error!("the database accepts no writes"),
                (State::Up, Some(_)) => tracing::info!("the database answers and accepts writes again"),
                (State::Up, None) => {}
            }
            last = Some(state);
        }
        let serves = state == State::Up && knowledge.have_caught_up();
        if served != Some(serves) {
            if state == State::Up && served.is_none() && !serves {
                tracing::info!("not ready yet: the search index has not caught up with the database");
            }
            readiness.report(serves).await;
            served = Some(serves);
        }
        for model in models.states() {
            let status = if model.up { ServingStatus::Serving } else { ServingStatus::NotServing };
            readiness.reporter.set_service_status(format!("{MODEL_PREFIX}{}", model.label), status).await;
        }
        tokio::select! {
            _ = ticks.tick() => {}
            () = store.changed_from(state) => {}
        }
    }
}

/// tonic's health service, except for watching an unknown service: by the protocol, the watcher gets SERVICE_UNKNOWN and stays subscribed,
/// where tonic fails the call.
#[derive(Debug, Clone)]
pub struct HealthChecks(Arc<HealthService>);

#[tonic::async_trait]
impl HealthCalls for HealthChecks {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        self.0.check(request).await
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let (service, request) = (Arc::clone(&self.0), request.into_inner());
        if let Ok(known) = service.watch(Request::new(request.clone())).await {
            return Ok(Response::new(Box::pin(known.into_inner())));
        }
        let unknown = HealthCheckResponse { status: WireStatus::ServiceUnknown.into() };
        let later = async move {
            loop {
                sleep(CHECK_INTERVAL).await;
                if let Ok(known) = service.watch(Request::new(request.clone())).await {
                    return known.into_inner();
                }
            }
        };
        Ok(Response::new(Box::pin(stream::iter([Ok(unknown)]).chain(stream::once(later).flatten()))))
    }
}
