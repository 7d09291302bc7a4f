//! What an operator sees: logs, structured, to standard error, without text of customers, articles or models; metrics; and traces.

pub mod metrics;
pub mod traces;

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, layer::SubscriberExt, util::SubscriberInitExt};

pub use traces::TraceExporter;

/// The target of the log line of each call.
pub const CALLS: &str = "deskhand::calls";

/// Starts logging as text, panics included. `filter` is a tracing filter such as `info` or `deskhand=debug`.
pub fn start(filter: &str) {
    start_server(filter, false, None);
}

/// Starts logging, panics included, and traces if there is somewhere to send them. As JSON the log has an object a line, and one for each call
/// unless the filter names [`CALLS`].
pub fn start_server(filter: &str, as_json: bool, traces: Option<&TraceExporter>) {
    let of_calls = (as_json && !filter.contains(CALLS)).then(|| format!("{CALLS}=debug"));
    // The model client's own target stays off: it would log answers that it can't parse.
    let directives = of_calls.into_iter().chain(["async_openai=off".to_owned(), traces::not_in_log()]);
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let filter = directives.fold(filter, |filter, directive| filter.add_directive(directive.parse().expect("a constant directive")));
    let log = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let log: Box<dyn Layer<Registry> + Send + Sync> = match as_json {
        true => Box::new(log.json().flatten_event(true).with_filter(filter)),
        false => Box::new(log.with_ansi(std::io::stderr().is_terminal()).with_filter(filter)),
    };
    let mut layers = vec![log];
    if let Some(traces) = traces {
        layers.push(Box::new(traces.layer()));
    }
    // A second start, as in tests, keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(layers).try_init();
    crate::task::log_panics();
}
