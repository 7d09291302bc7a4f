//! Metrics of logs: what was appended, how long commits take, and what waits for them.

use std::sync::atomic::Ordering;

use prometheus_client::{
    metrics::histogram::Histogram,
    registry::{Registry, Unit},
};

use crate::{
    chats::ChatLog,
    telemetry::metrics::{Gauge, Labels, counter, gauge, histogram},
};

/// Histogram buckets of a commit: upper bounds in seconds.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// The times of commits.
pub fn commit_times() -> Histogram {
    Histogram::new(BUCKETS)
}

/// Lets a registry report the appends to logs, each with the name of its database.
pub fn register(registry: &mut Registry, logs: &[(String, ChatLog)]) {
    let all = logs.to_vec();
    counter(registry, "appended_events", "Events that were appended, duplicates not counted", move || {
        all.iter().map(|(name, log)| (labels(name), log.counts.events.load(Ordering::Relaxed))).collect()
    });
    let queue: [Gauge<(usize, usize)>; 2] = [
        ("append_queue_calls", "Appends that wait to be committed", |(calls, _)| calls),
        ("append_queue_bytes", "Approximate bytes of the appends that wait or are being committed", |(_, bytes)| bytes),
    ];
    for (name, help, which) in queue {
        let all = logs.to_vec();
        gauge(registry, name, help, move || all.iter().map(|(name, log)| (labels(name), which(log.writer.queued()) as u64)).collect());
    }
    let all = logs.to_vec();
    gauge(registry, "watches", "Streams of Watch that are open", move || {
        all.iter().map(|(name, log)| (labels(name), log.feeds.counts().all()[0])).collect()
    });
    let ended = [
        ("watch_changes", "Changes of chats that streams of Watch were told", 1),
        ("watch_slow_ends", "Streams of Watch that ended because they were read too slowly", 2),
    ];
    for (name, help, which) in ended {
        let all = logs.to_vec();
        counter(registry, name, help, move || all.iter().map(|(name, log)| (labels(name), log.feeds.counts().all()[which])).collect());
    }
    let times = logs.iter().map(|(name, log)| (labels(name), log.commit_times.clone())).collect();
    histogram(registry, "append_commit", Unit::Seconds, "Time of the commits that append events", times);
}

fn labels(database: &str) -> Labels {
    vec![("database", database.to_owned())]
}
