//! Health, per service and model, and true: a service serves while the database answers and takes writes, a model while it is asked. The index
//! is open before anything is served.

use std::time::Duration;

use tokio::time::{interval, timeout};
use tokio_util::task::AbortOnDropHandle;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::{
    ServingStatus,
    server::{HealthReporter, HealthService},
};

use crate::{
    api::SERVICES,
    model::Models,
    store::{State, Store},
};

/// A model's health is asked for by this and its name.
const MODEL: &str = "model/";
/// How often the database is asked, and how long it may take to answer.
const EVERY: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(2);

/// The health service, and what tells it.
pub struct Health {
    pub service: HealthServer<HealthService>,
    pub reporter: HealthReporter,
}

/// Starts to watch the database; the watch ends when its handle is dropped.
pub fn start(store: Store, models: Models) -> (Health, AbortOnDropHandle<()>) {
    let reporter = HealthReporter::new();
    let service = HealthServer::new(HealthService::from_health_reporter(reporter.clone()));
    let watched = reporter.clone();
    let watch = tokio::spawn(async move {
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
            for state in models.states() {
                let status = if state.up { ServingStatus::Serving } else { ServingStatus::NotServing };
                watched.set_service_status(format!("{MODEL}{}", state.label), status).await;
            }
            tokio::select! {
                _ = turns.tick() => {}
                () = store.changed_from(state) => {}
            }
        }
    });
    (Health { service, reporter }, AbortOnDropHandle::new(watch))
}

/// Tells whether the services serve.
pub async fn tell(reporter: &HealthReporter, serves: bool) {
    let status = if serves { ServingStatus::Serving } else { ServingStatus::NotServing };
    for service in SERVICES.iter().copied().chain([""]) {
        reporter.set_service_status(service, status).await;
    }
}
