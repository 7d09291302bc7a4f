//! The gRPC health service, per service and model: a service is serving while the database answers and accepts writes, a model while its
//! circuit breaker lets calls through. The index is open before the server listens.

use std::{pin::Pin, sync::Arc, time::Duration};

use futures::{Stream, StreamExt, stream};
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
    model::Models,
    store::{State, Store},
    task,
};

/// Prefix of a model's health service name.
const MODEL_PREFIX: &str = "model/";
/// How often the database is checked, and how long it may take to answer.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// The health service, and its reporter.
pub struct Health {
    pub service: HealthServer<HealthChecks>,
    pub reporter: HealthReporter,
}

/// Starts to watch the database and the models; the watch ends when its handle is dropped.
pub fn start(store: Store, models: Models) -> (Health, AbortOnDropHandle<()>) {
    let reporter = HealthReporter::new();
    let service = HealthServer::new(HealthChecks(Arc::new(HealthService::from_health_reporter(reporter.clone()))));
    let reported = reporter.clone();
    let watch = task::supervised("watching the database", move || watch(store.clone(), models.clone(), reported.clone()));
    (Health { service, reporter }, watch)
}

async fn watch(store: Store, models: Models, reporter: HealthReporter) {
    let mut ticks = interval(CHECK_INTERVAL);
    let mut last = None;
    loop {
        let state = timeout(CHECK_TIMEOUT, store.state()).await.unwrap_or(State::Down);
        if last != Some(state) {
            match (state, last) {
                (State::Down, _) => tracing::error!("the database does not answer"),
                (State::ReadOnly, _) => tracing::error!("the database accepts no writes"),
                (State::Up, Some(_)) => tracing::info!("the database answers and accepts writes again"),
                (State::Up, None) => {}
            }
            report(&reporter, state == State::Up).await;
            last = Some(state);
        }
        for model in models.states() {
            let status = if model.up { ServingStatus::Serving } else { ServingStatus::NotServing };
            reporter.set_service_status(format!("{MODEL_PREFIX}{}", model.label), status).await;
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

/// Reports whether the services are serving.
pub async fn report(reporter: &HealthReporter, serves: bool) {
    let status = if serves { ServingStatus::Serving } else { ServingStatus::NotServing };
    for service in SERVICES.iter().copied().chain([""]) {
        reporter.set_service_status(service, status).await;
    }
}
