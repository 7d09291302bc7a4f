//! A call as operators see it: one log line without any of its text, and its metrics.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use http::{HeaderMap, Response};
use prometheus_client::{
    metrics::{family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use tokio::time::Instant;
use tonic::{Code, Status, body::Body};
use tracing::Span;

use crate::{
    api::{Access, ErrorLanguage, status},
    server::auth::known_method,
    telemetry::{CALLS, traces},
};

/// Histogram buckets of a call, to its last byte: upper bounds in seconds.
const BUCKETS: [f64; 15] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// The method label of calls to methods that there are not: their names are the caller's.
const UNKNOWN_METHOD: &str = "_OTHER";

/// The metrics of all calls, named as OpenTelemetry's conventions name those of RPC servers.
#[derive(Debug, Clone)]
pub struct CallMetrics {
    durations: Family<[(&'static str, &'static str); 2], Histogram>,
    running: Gauge,
}

impl CallMetrics {
    pub fn new() -> CallMetrics {
        CallMetrics { durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)), running: Gauge::default() }
    }

    /// Lets a registry report them.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Time of calls until their end, by method and gRPC status code";
        registry.register_with_unit("rpc_server_call_duration", help, Unit::Seconds, self.durations.clone());
        registry.register("rpc_server_active_calls", "Calls that run", self.running.clone());
    }
}

/// A call, for its log line, its metrics, and the text of its error.
pub struct Call {
    pub method: String,
    pub started: Instant,
    pub language: ErrorLanguage,
    /// `None`: its end is recorded already.
    metrics: Option<CallMetrics>,
    /// Its workspace, and the id of its key, once it is authorized.
    caller: OnceLock<(String, String)>,
    has_ended: AtomicBool,
    /// Its span, in which its work is done.
    pub span: Span,
}

impl Call {
    /// Begins a call; `method` is its path.
    pub fn new(method: &str, headers: &HeaderMap, language: ErrorLanguage, metrics: &CallMetrics) -> Call {
        metrics.running.inc();
        Call {
            method: method.to_owned(),
            started: Instant::now(),
            language,
            metrics: Some(metrics.clone()),
            caller: OnceLock::new(),
            has_ended: AtomicBool::new(false),
            span: traces::server_span(known_method(method).unwrap_or(UNKNOWN_METHOD), headers),
        }
    }

    /// A call whose end is recorded, while its reply is being read.
    pub fn recorded(method: &str) -> Call {
        Call {
            method: method.to_owned(),
            started: Instant::now(),
            language: ErrorLanguage::default(),
            metrics: None,
            caller: OnceLock::new(),
            has_ended: AtomicBool::new(true),
            span: Span::none(),
        }
    }

    /// Notes who calls.
    pub fn authorized(&self, access: &Access) {
        let _ = self.caller.set((access.workspace.to_string(), access.key_id().unwrap_or_default()));
    }

    /// Ends the call with a status.
    pub fn refused(&self, status: Status) -> Response<Body> {
        self.end(status.code(), Some(&status));
        self.language.tell(&status).into_http()
    }

    /// Counts and logs the end of the call; only the first counts. The cause of an internal failure comes from the store or the index.
    pub fn end(&self, code: Code, status: Option<&Status>) {
        if self.has_ended.swap(true, Ordering::Relaxed) {
            return;
        }
        let elapsed = self.started.elapsed();
        let method = known_method(&self.method).map_or(UNKNOWN_METHOD, |path| &path[1..]);
        let labels = [("rpc_method", method), ("rpc_response_status_code", status::code_name(code))];
        if let Some(metrics) = &self.metrics {
            metrics.durations.get_or_create(&labels).observe(elapsed.as_secs_f64());
        }
        let milliseconds = elapsed.as_millis() as u64;
        let fault = matches!(
            code,
            Code::Internal | Code::Unknown | Code::DataLoss | Code::Unavailable | Code::DeadlineExceeded | Code::Unimplemented
        );
        traces::ended(&self.span, code.into(), fault.then(|| status::code_name(code)));
        let trace = traces::trace_id(&self.span);
        let (workspace, key) = self.caller.get().map_or(("", ""), |(workspace, key)| (workspace, key));
        let code_name = status::code_name(code);
        match code {
            Code::Internal | Code::Unknown | Code::DataLoss => {
                let cause = status.and_then(std::error::Error::source).map(causes).unwrap_or_default();
                tracing::error!(method = self.method, code = code_name, milliseconds, workspace, key, trace, cause, "call failed");
            }
            _ => tracing::debug!(target: CALLS, method = self.method, code = code_name, milliseconds, workspace, key, trace, "call"),
        }
    }
}

impl Drop for Call {
    /// A call that nobody ended was given up by its caller.
    fn drop(&mut self) {
        self.end(Code::Cancelled, None);
        if let Some(metrics) = &self.metrics {
            metrics.running.dec();
        }
    }
}

fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut causes = vec![error.to_string()];
    let mut next = error.source();
    while let Some(error) = next {
        causes.push(error.to_string());
        next = error.source();
    }
    causes.join(": ")
}
