//! What an operator sees: metrics, a log line for each call, traces. None of it has text of customers, articles or models.

use std::{collections::HashMap, sync::Arc};

use deskhand::api::pb::{self, reply_service_client::ReplyServiceClient};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value as Attribute},
    trace::v1::Span,
};
use prost::Message;
use serde_json::Value;
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::task::AbortOnDropHandle;

use crate::support::{
    desk::{Desk, customer_says, eventually, selin},
    model::{Answer, ScriptedModel},
    process::Process,
};

/// What nobody but the customer and the agent should see.
const SECRET: &str = "The parcel with the pomegranate towels never came";

fn draft_of(chat_id: &str) -> pb::DraftReplyRequest {
    pb::DraftReplyRequest { chat_id: chat_id.into(), agent: selin(), ..pb::DraftReplyRequest::default() }
}

/// The value of a sample in the text format.
fn sample(metrics: &str, name: &str) -> f64 {
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("{name} in {metrics}")).parse().unwrap()
}

#[tokio::test]
async fn metrics_tell_what_the_server_does() {
    let mut desk = Desk::open().await;
    desk.append("c", vec![customer_says("1", SECRET), customer_says("2", "Hello?")]).await.unwrap();
    desk.model.will(Answer::says(&["They are on their way."]));
    let drafted = desk.draft(draft_of("c")).await.unwrap().finished;
    let suggestions = desk.suggest(pb::SuggestAnswersRequest { chat_id: "c".into(), agent: selin(), ..Default::default() }).await;
    desk.search("towels", "en").await;
    desk.search("zzxqjv", "en").await;
    desk.chat("none").await.unwrap_err();
    let outcome = pb::RecordOutcomeRequest {
        chat_id: "c".into(),
        outcome_id: "o".into(),
        offer: Some(pb::record_outcome_request::Offer::DraftId(drafted.draft_id)),
        action: pb::OutcomeAction::Sent.into(),
        ..Default::default()
    };
    desk.replies.record_outcome(outcome).await.unwrap();

    let response = reqwest::get(format!("http://{}/metrics", desk.address())).await.unwrap();
    let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(content_type.starts_with("application/openmetrics-text; version=1.0.0"), "{content_type}");
    let metrics = response.text().await.unwrap();
    assert!(metrics.ends_with("# EOF\n") && !metrics.contains("pomegranate"), "{metrics}");
    let call = |method: &str, code: &str| {
        sample(
            &metrics,
            &format!("rpc_server_call_duration_seconds_count{{rpc_method=\"deskhand.v1.{method}\",rpc_response_status_code=\"{code}\"}}"),
        )
    };
    assert_eq!(call("ChatService/AppendEvents", "OK"), 1.0);
    assert_eq!(call("KnowledgeService/Search", "OK"), 2.0);
    assert_eq!(call("ChatService/GetChat", "NOT_FOUND"), 1.0);
    assert_eq!(call("ReplyService/DraftReply", "OK"), 1.0);
    for (name, value) in [
        ("rpc_server_active_calls", 0.0),
        ("deskhand_ready", 1.0),
        ("deskhand_appended_events_total{database=\"main\"}", 2.0),
        ("deskhand_append_commit_seconds_count{database=\"main\"}", 1.0),
        ("deskhand_append_queue_calls{database=\"main\"}", 0.0),
        ("deskhand_searches_total{workspace=\"default\",found=\"true\"}", 1.0),
        ("deskhand_searches_total{workspace=\"default\",found=\"false\"}", 1.0),
        ("deskhand_drafts_total{workspace=\"default\",engine=\"model\"}", 1.0),
        ("deskhand_outcomes_total{workspace=\"default\",offer=\"draft\",action=\"sent\"}", 1.0),
        ("deskhand_index_lag_changes{workspace=\"default\"}", 0.0),
        ("deskhand_database_connections{database=\"main\",pool=\"read\",state=\"used\"}", 0.0),
    ] {
        assert_eq!(sample(&metrics, name), value, "{name}");
    }
    let found = !suggestions.is_empty();
    assert_eq!(sample(&metrics, &format!("deskhand_suggestion_calls_total{{workspace=\"default\",found=\"{found}\"}}")), 1.0);
    for name in
        ["process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total", "deskhand_documents{workspace=\"default\"}"]
    {
        assert!(sample(&metrics, name) > 0.0, "{name}");
    }
    // A method that there is not has no name of its own, however many a caller thinks up.
    let unknown =
        reqwest::Client::builder().http2_prior_knowledge().build().unwrap().post(format!("http://{}/deskhand.v1.Made/Up", desk.address()));
    unknown.header("content-type", "application/grpc").send().await.unwrap();
    let metrics = desk.page("/metrics").await;
    assert!(!metrics.contains("Made") && metrics.contains("rpc_method=\"_OTHER\",rpc_response_status_code=\"UNIMPLEMENTED\""), "{metrics}");
    desk.close().await;
}

#[tokio::test]
async fn a_call_that_its_caller_leaves_counts_as_cancelled() {
    let mut desk = Desk::open().await;
    desk.append("c", vec![customer_says("1", SECRET)]).await.unwrap();
    desk.model.will(Answer::hangs_after(&["They"]));
    let mut answer = desk.replies.draft_reply(draft_of("c")).await.unwrap().into_inner();
    answer.message().await.unwrap();
    drop(answer);
    let line = "rpc_server_call_duration_seconds_count{rpc_method=\"deskhand.v1.ReplyService/DraftReply\",rpc_response_status_code=\"CANCELLED\"} 1";
    eventually("it is counted", async || desk.page("/metrics").await.contains(line)).await;
    desk.close().await;
}

#[tokio::test]
async fn the_log_has_an_object_for_each_call() {
    let folder = tempfile::tempdir().unwrap();
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let process = Process::start_logged(&data, None, &[("DESKHAND_LOG_FORMAT", "json")], "info", &log).await;
    let append = pb::AppendEventsRequest { chat_id: "c".into(), events: vec![customer_says("1", SECRET)] };
    process.chats().append_events(append).await.unwrap();
    assert!(process.events("none").await.is_empty());
    assert!(process.terminate(std::time::Duration::from_secs(20)).await.unwrap().success());
    let log = std::fs::read_to_string(log).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    let calls: Vec<_> = lines.iter().filter(|line| line["message"] == "call").collect();
    let told: Vec<_> = calls.iter().map(|call| (call["method"].as_str().unwrap(), call["code"].as_str().unwrap())).collect();
    assert_eq!(told, [("/deskhand.v1.ChatService/AppendEvents", "OK"), ("/deskhand.v1.ChatService/GetChat", "NOT_FOUND")]);
    for call in calls {
        assert!(call["milliseconds"].is_u64() && call["timestamp"].is_string() && call["workspace"] == "default", "{call}");
    }
    assert!(!log.contains("pomegranate"));
}

/// A collector that keeps what it is sent.
struct Collector {
    address: std::net::SocketAddr,
    spans: mpsc::UnboundedReceiver<Span>,
    _serving: AbortOnDropHandle<()>,
}

impl Collector {
    async fn start() -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (send, spans) = mpsc::unbounded_channel();
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let send = send.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let send = send.clone();
                    async move {
                        assert_eq!(request.uri().path(), "/v1/traces");
                        let body = request.into_body().collect().await.unwrap().to_bytes();
                        let batch = ExportTraceServiceRequest::decode(body).unwrap();
                        for span in batch.resource_spans.into_iter().flat_map(|spans| spans.scope_spans).flat_map(|spans| spans.spans) {
                            let _ = send.send(span);
                        }
                        Ok::<_, std::convert::Infallible>(Response::new(Empty::<bytes::Bytes>::new()))
                    }
                });
                let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                tokio::spawn(
                    async move { server.serve_connection(TokioIo::new(stream), service).await.map_err(|error| error.to_string()) },
                );
            }
        });
        Collector { address, spans, _serving: AbortOnDropHandle::new(serving) }
    }

    /// Everything that was sent until now.
    fn received(&mut self) -> Vec<Span> {
        std::iter::from_fn(|| self.spans.try_recv().ok()).collect()
    }
}

fn attributes(span: &Span) -> HashMap<&str, String> {
    let shown = |attribute: &KeyValue| match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Attribute::StringValue(text)) => text.clone(),
        Some(Attribute::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    span.attributes.iter().map(|attribute| (attribute.key.as_str(), shown(attribute))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_trace_goes_from_the_caller_through_the_call_to_the_model() {
    let (folder, mut collector, model) = (tempfile::tempdir().unwrap(), Collector::start().await, Arc::new(ScriptedModel::start().await));
    model.always(Some(Answer::says_and_counts(&["They are on their way."], 120)));
    let endpoint = format!("http://{}", collector.address);
    let process = Process::start_with(&folder.path().join("data"), &model.base_url(), &[("DESKHAND_OTLP_ENDPOINT", &endpoint)]).await;
    let append = pb::AppendEventsRequest { chat_id: "c".into(), events: vec![customer_says("1", SECRET)] };
    process.chats().append_events(append).await.unwrap();

    let (trace, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let mut request = tonic::Request::new(draft_of("c"));
    request.metadata_mut().insert("traceparent", format!("00-{trace}-{parent}-01").parse().unwrap());
    let mut answer = ReplyServiceClient::new(process.channel.clone()).draft_reply(request).await.unwrap().into_inner();
    while answer.message().await.unwrap().is_some() {}
    assert!(process.terminate(std::time::Duration::from_secs(20)).await.unwrap().success(), "the last spans are sent at the end");

    let spans = collector.received();
    let of = |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name} in {spans:?}"));
    let (call, chat) = (of("deskhand.v1.ReplyService/DraftReply"), of("chat raw"));
    assert_eq!((hex(&call.trace_id), hex(&call.parent_span_id)), (trace.to_owned(), parent.to_owned()));
    assert_eq!((&chat.trace_id, &chat.parent_span_id), (&call.trace_id, &call.span_id), "the model's call is below it");
    let called = attributes(call);
    assert_eq!((called["rpc.service"].as_str(), called["rpc.method"].as_str()), ("deskhand.v1.ReplyService", "DraftReply"));
    assert_eq!(called["rpc.grpc.status_code"], "0");
    let asked = attributes(chat);
    assert_eq!((asked["gen_ai.operation.name"].as_str(), asked["gen_ai.request.model"].as_str()), ("chat", "raw"));
    assert_eq!((asked["gen_ai.usage.input_tokens"].as_str(), asked["server.address"].as_str()), ("120", "127.0.0.1"));
    assert_eq!(asked["deskhand.task"], "draft");
    // The model's server goes on with the same trace, below this span.
    let sent = model.headers("traceparent");
    assert_eq!(sent.last().unwrap(), &format!("00-{trace}-{}-01", hex(&chat.span_id)));
    let other = of("deskhand.v1.ChatService/AppendEvents");
    assert!(other.parent_span_id.is_empty() && other.trace_id != call.trace_id, "a call without the header begins a trace");
    assert!(!format!("{spans:?}").contains("pomegranate"));
}

#[tokio::test]
async fn without_a_collector_the_server_serves_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let settings = [("DESKHAND_OTLP_ENDPOINT", &*format!("http://{nobody}"))];
    let process = Process::start_logged(&folder.path().join("data"), None, &settings, "warn", &folder.path().join("log")).await;
    let append = pb::AppendEventsRequest { chat_id: "c".into(), events: vec![customer_says("1", SECRET)] };
    process.chats().append_events(append).await.unwrap();
    assert!(process.terminate(std::time::Duration::from_secs(20)).await.unwrap().success());
}
