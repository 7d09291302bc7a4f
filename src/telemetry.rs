//! Logging: structured, to standard error, without text of customers, articles or models.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging, panics included. `filter` is a tracing filter such as `info` or `deskhand=debug`.
///
/// The model client's own target stays off: it would log answers that it can't parse.
pub fn start(filter: &str) {
    let filter = EnvFilter::try_new(filter)
        .unwrap_or_else(|_| EnvFilter::new("info"))
        .add_directive("async_openai=off".parse().expect("a constant directive"));
    // A second start, as in tests, keeps the first subscriber.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .try_init();
    crate::task::log_panics();
}
