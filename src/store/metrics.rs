//! Metrics of databases: their connections, and wipes that are not done.

use std::sync::Arc;

use prometheus_client::registry::Registry;

use crate::{
    store::{State, Store, availability::Availability},
    telemetry::metrics::gauge,
};

/// Lets a registry report the connections of databases, their wipes, and of a PostgreSQL whether it answers. Each has a name for its label.
pub fn register(registry: &mut Registry, databases: &[(String, Store)]) {
    let all = databases.to_vec();
    let help = "Connections, by pool: in use, idle, and most of both";
    gauge(registry, "database_connections", help, move || {
        let pools = all.iter().flat_map(|(name, store)| [(name, "write", store.writes.usage()), (name, "read", store.reads.usage())]);
        let usages =
            pools.flat_map(|(name, pool, usage)| ["used", "idle", "max"].into_iter().zip(usage).map(move |usage| (name, pool, usage)));
        let labels = |name: &str, pool: &str, state: &str| [("database", name), ("pool", pool), ("state", state)].map(owned).to_vec();
        usages.map(|(name, pool, (state, count))| (labels(name, pool, state), count as u64)).collect()
    });
    let watched = databases.iter().filter_map(|(name, store)| Some((name.clone(), store.availability.clone()?))).collect::<Vec<_>>();
    if !watched.is_empty() {
        gauge(registry, "database_up", "Whether PostgreSQL answers and accepts writes", move || {
            let is_up = |(name, availability): &(String, Arc<Availability>)| {
                (vec![owned(("database", name))], u64::from(availability.state() == State::Up))
            };
            watched.iter().map(is_up).collect()
        });
    }
    let wiped = databases.iter().filter_map(|(name, store)| Some((name.clone(), store.wiper.clone()?))).collect::<Vec<_>>();
    if !wiped.is_empty() {
        gauge(registry, "wipe_pending", "Whether deleted data still waits to be overwritten in the files of SQLite", move || {
            wiped.iter().map(|(name, wiper)| (vec![owned(("database", name))], u64::from(wiper.is_wiping()))).collect()
        });
    }
}

fn owned((name, value): (&'static str, &str)) -> (&'static str, String) {
    (name, value.to_owned())
}
