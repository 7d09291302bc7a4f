//! Traces: a span for each call, and below it one for each call to a model, sent by OTLP over HTTP. Names and attributes are those of
//! OpenTelemetry's semantic conventions 1.37. No span has any text.
//!
//! Where nothing is exported, spans are disabled and cost next to nothing.

use std::time::Duration;

use http::HeaderMap;
use opentelemetry::{
    KeyValue,
    propagation::TextMapPropagator,
    trace::{TraceContextExt, TracerProvider},
};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{SdkTracerProvider, Tracer},
};
use tracing::{Span, Subscriber, field::Empty, level_filters::LevelFilter};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};

/// The target of all spans.
const SPANS: &str = "deskhand::spans";
/// How long an export may take, and the last one at the end of the process.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// Sends spans to a collector, in batches, from a thread of its own. Spans that can't be sent are dropped. Dropping it sends the last ones; it
/// must be made and dropped outside of an async runtime.
pub struct TraceExporter(SdkTracerProvider);

impl TraceExporter {
    /// Prepares to send to `endpoint`, the base URL of a collector such as `http://127.0.0.1:4318`. Nothing is sent yet. What OpenTelemetry's own
    /// variables say of headers, sampling and batches holds.
    pub fn new(endpoint: &str) -> Result<TraceExporter, ExporterBuildError> {
        // Fails if a crypto provider is installed already, which is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::blocking::Client::builder().timeout(EXPORT_TIMEOUT).redirect(reqwest::redirect::Policy::none()).build();
        let client = client.map_err(|error| ExporterBuildError::InternalFailure(error.to_string()))?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(EXPORT_TIMEOUT)
            .build()?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder().with_service_name("deskhand").with_attribute(version).build();
        Ok(TraceExporter(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build()))
    }

    /// The layer that takes the spans, and no log lines.
    pub(super) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> impl Layer<S> + use<S> {
        let tracer: Tracer = self.0.tracer("deskhand");
        let layer =
            tracing_opentelemetry::layer().with_tracer(tracer).with_location(false).with_threads(false).with_tracked_inactivity(false);
        layer.with_level(false).with_target(false).with_filter(Targets::new().with_target(SPANS, LevelFilter::INFO))
    }
}

impl Drop for TraceExporter {
    fn drop(&mut self) {
        if self.0.shutdown_with_timeout(SHUTDOWN_TIMEOUT).is_err() {
            tracing::warn!("the last traces were not sent: the collector does not answer");
        }
    }
}

/// The filter directive that keeps spans out of the log.
pub(super) fn not_in_log() -> String {
    format!("{SPANS}=off")
}

/// Begins the span of a call to the server. Its parent is that of the caller's `traceparent` header, if there is one. `method` is a path such as
/// `/deskhand.v1.ReplyService/DraftReply`.
pub fn server_span(method: &str, headers: &HeaderMap) -> Span {
    let name = method.trim_start_matches('/');
    let (service, short) = name.rsplit_once('/').unwrap_or(("", name));
    let span = tracing::info_span!(
        target: SPANS,
        "call",
        otel.name = name,
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = short,
        rpc.grpc.status_code = Empty,
        error.r#type = Empty,
    );
    if !span.is_disabled() {
        // Only fails for a span that was entered.
        let _ = span.set_parent(TraceContextPropagator::new().extract(&HeaderExtractor(headers)));
    }
    span
}

/// Notes the gRPC status code of a call, and its name if the fault is the server's.
pub fn ended(span: &Span, code: i32, fault: Option<&'static str>) {
    span.record("rpc.grpc.status_code", code);
    if let Some(fault) = fault {
        failed(span, fault);
    }
}

/// Begins the span of a call to a model; `operation` is `chat` or `embeddings`.
pub fn model_span(operation: &'static str, model: &str, base_url: &str, task: &str) -> Span {
    let span = tracing::info_span!(
        target: SPANS,
        "model",
        otel.name = Empty,
        otel.kind = "client",
        otel.status_code = Empty,
        gen_ai.operation.name = operation,
        gen_ai.provider.name = "openai",
        gen_ai.request.model = model,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        server.address = Empty,
        server.port = Empty,
        deskhand.task = task,
        error.r#type = Empty,
    );
    if !span.is_disabled() {
        span.record("otel.name", format!("{operation} {model}"));
        if let Ok(url) = reqwest::Url::parse(base_url) {
            span.record("server.address", url.host_str().unwrap_or_default());
            span.record("server.port", url.port_or_known_default().map_or(0, i64::from));
        }
    }
    span
}

/// Notes the tokens that a model reported.
pub fn used(span: &Span, prompt: u32, completion: u32) {
    span.record("gen_ai.usage.input_tokens", i64::from(prompt));
    span.record("gen_ai.usage.output_tokens", i64::from(completion));
}

/// Notes that a call failed, and why in a word.
pub fn failed(span: &Span, word: &'static str) {
    span.record("error.type", word);
    span.record("otel.status_code", "ERROR");
}

/// Adds the `traceparent` of the current span to a request; without one, nothing.
pub fn propagate(headers: &mut HeaderMap) {
    let span = Span::current();
    if !span.is_disabled() {
        TraceContextPropagator::new().inject_context(&span.context(), &mut HeaderInjector(headers));
    }
}

/// The trace id of a span, in hex; empty where nothing is exported.
pub fn trace_id(span: &Span) -> String {
    if span.is_disabled() { String::new() } else { span.context().span().span_context().trace_id().to_string() }
}
