//! What the calls to a server's models came to, from its metrics: where the built-in engine answers for a model, nothing else says why.

use std::{collections::BTreeMap, net::SocketAddr};

/// A task of a model, and the word for why its calls failed, such as `timed_out`.
pub type Failure = (String, String);

/// The metrics of a server of ours.
pub struct ModelMetrics {
    http: reqwest::Client,
    url: String,
}

impl ModelMetrics {
    pub fn of(address: SocketAddr) -> anyhow::Result<ModelMetrics> {
        // If another crypto provider is installed already, that one is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(ModelMetrics { http: reqwest::Client::builder().no_proxy().build()?, url: format!("http://{address}/metrics") })
    }

    /// How often calls to models failed since the start, by task and reason.
    pub async fn failures(&self) -> BTreeMap<Failure, u64> {
        failures_in(&self.read().await.unwrap_or_default())
    }

    /// Whether a model is not called at present, since its calls kept failing.
    pub async fn is_down(&self, model: &str) -> bool {
        let down = format!("deskhand_model_up{{model=\"{model}\"}} 0");
        self.read().await.is_some_and(|metrics| metrics.lines().any(|line| line == down))
    }

    async fn read(&self) -> Option<String> {
        self.http.get(&self.url).send().await.ok()?.text().await.ok()
    }
}

fn failures_in(metrics: &str) -> BTreeMap<Failure, u64> {
    let failure = |line: &str| {
        let (labels, count) = line.strip_prefix("deskhand_model_failures_total{")?.rsplit_once("} ")?;
        let (rest, reason) = labels.rsplit_once(",reason=")?;
        let (_, task) = rest.rsplit_once(",task=")?;
        let unquoted = |value: &str| value.trim_matches('"').to_owned();
        Some(((unquoted(task), unquoted(reason)), count.parse::<u64>().ok()?))
    };
    let mut failures = BTreeMap::new();
    for (failure, count) in metrics.lines().filter_map(failure) {
        *failures.entry(failure).or_default() += count;
    }
    failures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_read_by_task_and_reason() {
        let metrics = "# TYPE deskhand_model_failures_total counter\n\
             deskhand_model_failures_total{model=\"a,task=\\\"x\\\"\",task=\"draft\",reason=\"timed_out\"} 3\n\
             deskhand_model_failures_total{model=\"b\",task=\"draft\",reason=\"timed_out\"} 1\n\
             deskhand_model_tries_total{model=\"a\",task=\"draft\"} 5\n";
        assert_eq!(failures_in(metrics), BTreeMap::from([(("draft".to_owned(), "timed_out".to_owned()), 4)]));
    }
}
