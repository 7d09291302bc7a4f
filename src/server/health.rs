//! Health, per service and model, and true: a service serves while the database answers and takes writes, a model while it is asked. The index
//! is open before anything is served.

use std::{pin::Pin, sync::Arc, time::Duration};

use futures::{Stream, StreamExt, stream};
use tokio::time::{interval, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;
use tonic::{Request, Response, Status};
use tonic_health::{
    ServingStatus,
    pb::{
        HealthCheckRequest, HealthCheckResponse,
        health_check_response::ServingStatus as Told,
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

/// A model's health is asked for by this and its name.
const MODEL: &str = "model/";
/// How often the database is asked, and how long it may take to answer.
const EVERY: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(2);

/// The health service, and what tells it.
pub struct Health {
    pub service: HealthServer<Checked>,
    pub reporter: HealthReporter,
}

/// Starts to watch the database; the watch ends when its handle is dropped.
pub fn start(store: Store, models: Models) -> (Health, AbortOnDropHandle<()>) {
    let reporter = HealthReporter::new();
    let service = HealthServer::new(Checked(Arc::new(HealthService::from_health_reporter(reporter.clone()))));
    let watched = reporter.clone();
    let watch = task::supervised("watching the database", move || watch(store.clone(), models.clone(), watched.clone()));
    (Health { service, reporter }, watch)
}

async fn watch(store: Store, models: Models, watched: HealthReporter) {
    let mut turns = interval(EVERY);
    let mut known = None;
    loop {
        let state = timeout(PATIENCE, store.state()).await.unwrap_or(State::Down);
        if known != Some(state) {
            match (state, known) {
                (State::Down, _) => tracing::error!("the database does not answer"),
                (State::ReadOnly, _) => tracing::error!("the database takes no writes"),
                (State::Up, Some(_)) => tracing::info!("the database answers and takes writes again"),
                (State::Up, None) => {}
            }
            tell(&watched, state == State::Up).await;
            known = Some(state);
        }
        for model in models.states() {
            let status = if model.up { ServingStatus::Serving } else { ServingStatus::NotServing };
            watched.set_service_status(format!("{MODEL}{}", model.label), status).await;
        }
        tokio::select! {
            _ = turns.tick() => {}
            () = store.changed_from(state) => {}
        }
    }
}

/// tonic's health service, but for the watch of a service that there is not: by the protocol, its watcher is told so and waits for it.
#[derive(Debug, Clone)]
pub struct Checked(Arc<HealthService>);

#[tonic::async_trait]
impl HealthCalls for Checked {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        self.0.check(request).await
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let (service, asked) = (Arc::clone(&self.0), request.into_inner());
        if let Ok(known) = service.watch(Request::new(asked.clone())).await {
            return Ok(Response::new(Box::pin(known.into_inner())));
        }
        let unknown = HealthCheckResponse { status: Told::ServiceUnknown.into() };
        let later = async move {
            loop {
                sleep(EVERY).await;
                if let Ok(known) = service.watch(Request::new(asked.clone())).await {
                    return known.into_inner();
                }
            }
        };
        Ok(Response::new(Box::pin(stream::iter([Ok(unknown)]).chain(stream::once(later).flatten()))))
    }
}

/// Tells whether the services serve.
pub async fn tell(reporter: &HealthReporter, serves: bool) {
    let status = if serves { ServingStatus::Serving } else { ServingStatus::NotServing };
    for service in SERVICES.iter().copied().chain([""]) {
        reporter.set_service_status(service, status).await;
    }
}
