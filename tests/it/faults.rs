//! Whatever a model's server does, the caller gets the right error in time, and no resource leaks.

use std::time::{Duration, Instant};

use deskhand::{
    api::pb::{self, reply_service_client::ReplyServiceClient},
    config::{Config, ModelConfig},
};
use tonic::Code;

use crate::support::{
    desk::{Desk, Opening, eventually, refused},
    process::Process,
    raw_model::{RawModel, Step},
};

/// What must come of a fault.
enum Comes {
    /// This text.
    Text(&'static str),
    /// A text that says that it was cut at its greatest length.
    Truncated,
    /// `UNAVAILABLE` with this reason, before anything was shown.
    Fails(&'static str),
    /// The same after something was shown.
    BreaksOff(&'static str),
}
use Comes::{BreaksOff, Fails, Text, Truncated};

const UNAVAILABLE: &str = "MODEL_UNAVAILABLE";
const CUT_OFF: &str = "MODEL_CUT_OFF";

/// The waits that models are given here.
const FIRST_TOKEN: Duration = Duration::from_millis(600);
const GAP: Duration = Duration::from_millis(500);
/// All that a call may take with its tries; the caller's deadline.
const DEADLINE: Duration = Duration::from_millis(2500);

fn write(text: &str) -> Step {
    Step::Write(text.into())
}

fn head(status: &str, more: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\n{more}\r\n")
}

/// An answer in the usual form, closed by the server at its end.
fn events(body: &str) -> Vec<Step> {
    vec![write(&(head("200 OK", "content-type: text/event-stream\r\n") + body))]
}

fn then(mut steps: Vec<Step>, more: impl IntoIterator<Item = Step>) -> Vec<Step> {
    steps.extend(more);
    steps
}

fn refuses(status: &str, more: &str, body: &str) -> Vec<Step> {
    vec![write(&format!("{}{body}", head(status, &format!("content-length: {}\r\n{more}", body.len()))))]
}

const FINE: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"fine\"}}]}\n\n";
const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const DONE: &str = "data: [DONE]\n\n";

/// Each fault by its name.
fn faults() -> Vec<(&'static str, Vec<Step>, Comes)> {
    let ms = Duration::from_millis;
    let whole = format!("{FINE}{STOP}{DONE}");
    let json = "content-type: application/json\r\n";
    let chunked = head("200 OK", "content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n");
    let sized = |length: usize| head("200 OK", &format!("content-type: text/event-stream\r\ncontent-length: {length}\r\n"));
    let dripped = |text: &str, pause: Duration| -> Vec<Step> {
        text.bytes().flat_map(|byte| [Step::Write(vec![byte]), Step::Pause(pause)]).collect()
    };
    let mut faults = vec![
        // Connections.
        ("resets at once", vec![Step::Reset], Fails(UNAVAILABLE)),
        ("resets after the request", vec![Step::Pause(ms(1)), Step::Reset], Fails(UNAVAILABLE)),
        ("resets after its head", vec![write(&head("200 OK", "")), Step::Pause(ms(5)), Step::Reset], Fails(CUT_OFF)),
        ("resets after a chunk", then(events(FINE), [Step::Pause(ms(50)), Step::Reset]), BreaksOff(CUT_OFF)),
        ("closes without a word", vec![], Fails(UNAVAILABLE)),
        ("closes after its head", events(""), Fails(CUT_OFF)),
        ("closes inside its head", vec![write("HTTP/1.1 200 OK\r\ncontent-ty")], Fails(UNAVAILABLE)),
        ("says what is no HTTP", vec![write("220 mail.example ESMTP\r\n")], Fails(UNAVAILABLE)),
        ("has a head of 1 MB", vec![write(&head("200 OK", &format!("x: {}\r\n", "y".repeat(1 << 20))))], Fails(UNAVAILABLE)),
        ("speaks HTTP 1.0", vec![write(&format!("HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{whole}"))], Text("fine")),
        // Time.
        ("never answers", vec![Step::Hang], Fails(UNAVAILABLE)),
        ("sends its head and hangs", vec![write(&head("200 OK", "content-type: text/event-stream\r\n")), Step::Hang], Fails(UNAVAILABLE)),
        ("stalls after a chunk", then(events(FINE), [Step::Hang]), BreaksOff(CUT_OFF)),
        ("drips its first chunk too slowly", then(events(""), dripped(&whole, ms(20))), Fails(UNAVAILABLE)),
        ("drips its answer fast enough", then(events(""), dripped(&whole, Duration::ZERO)), Text("fine")),
        ("sends comments alone", then(events(""), [Step::Repeat(b": ping\n\n".to_vec(), ms(30))]), Fails(UNAVAILABLE)),
        ("sends comments after a chunk", then(events(FINE), [Step::Repeat(b": ping\n\n".to_vec(), ms(30))]), BreaksOff(CUT_OFF)),
        (
            "sends empty chunks after a chunk",
            then(events(FINE), [Step::Repeat(b"data: {\"choices\":[{\"delta\":{}}]}\n\n".to_vec(), ms(30))]),
            BreaksOff(CUT_OFF),
        ),
        (
            "drips text for ever",
            then(events(""), [Step::Repeat(b"data: {\"choices\":[{\"delta\":{\"content\":\"a \"}}]}\n\n".to_vec(), ms(40))]),
            BreaksOff(CUT_OFF),
        ),
        (
            "thinks long, then answers",
            then(
                events(""),
                (0..8)
                    .flat_map(|_| [write("data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n"), Step::Pause(ms(80))])
                    .chain([write(&whole)]),
            ),
            Text("fine"),
        ),
        ("ends, and leaves the connection open", then(events(&format!("{FINE}{STOP}")), [Step::Hang]), Text("fine")),
        // Ends.
        ("is cut inside a line", events(&format!("{FINE}data: {{\"choices\":[{{\"del")), BreaksOff(CUT_OFF)),
        ("is cut inside a chunk of HTTP", vec![write(&format!("{chunked}40\r\n{FINE}"))], BreaksOff(CUT_OFF)),
        ("promises more than it sends", vec![write(&format!("{}{FINE}", sized(5000)))], BreaksOff(CUT_OFF)),
        ("says `[DONE]` alone", events(DONE), Fails(UNAVAILABLE)),
        ("ends without a word of text", events(&format!("{STOP}{DONE}")), Fails(UNAVAILABLE)),
        (
            "thinks and says nothing",
            events(&format!("data: {{\"choices\":[{{\"delta\":{{\"reasoning\":\"hm\"}}}}]}}\n\n{STOP}{DONE}")),
            Fails(UNAVAILABLE),
        ),
        (
            "calls a tool instead",
            events(&format!("data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{{}}]}}}}]}}\n\n{STOP}{DONE}")),
            Fails(UNAVAILABLE),
        ),
        (
            "ends for a filter",
            events(&format!("{FINE}data: {{\"choices\":[{{\"finish_reason\":\"content_filter\"}}]}}\n\n{DONE}")),
            BreaksOff("CONTENT_FILTERED"),
        ),
        (
            "ends at its greatest length",
            events(&format!("{FINE}data: {{\"choices\":[{{\"finish_reason\":\"length\"}}]}}\n\n{DONE}")),
            Truncated,
        ),
        (
            "ends for a reason of its own",
            events(&format!("{FINE}data: {{\"choices\":[{{\"finish_reason\":\"eos_token\"}}]}}\n\n")),
            Text("fine"),
        ),
        (
            "ends for want of resources",
            events(&format!("{FINE}data: {{\"choices\":[{{\"finish_reason\":\"insufficient_system_resource\"}}]}}\n\n{DONE}")),
            BreaksOff(CUT_OFF),
        ),
        ("breaks off after its end", then(events(&format!("{FINE}{STOP}")), [Step::Pause(ms(50)), Step::Reset]), Text("fine")),
        ("says junk after its end", events(&format!("{FINE}{STOP}data: {{\"choi\n\n")), Text("fine")),
        (
            "sends far too much at once",
            events(&format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n{STOP}{DONE}", "é ".repeat(60_000))),
            Truncated,
        ),
        ("ends without a reason, but says so", events(&format!("{FINE}{DONE}")), Text("fine")),
        ("goes on after its end", events(&format!("{whole}{FINE}")), Text("fine")),
        // Bodies.
        (
            "answers 200 with HTML",
            vec![write(&format!("{}<html>SECRET</html>", head("200 OK", "content-type: text/html\r\n")))],
            Fails(UNAVAILABLE),
        ),
        ("names no content type", vec![write(&format!("{}{whole}", head("200 OK", "")))], Text("fine")),
        ("calls its events plain text", vec![write(&format!("{}{whole}", head("200 OK", "content-type: text/plain\r\n")))], Text("fine")),
        ("calls its events JSON", vec![write(&format!("{}{whole}", head("200 OK", json)))], Text("fine")),
        ("answers 204", refuses("204 No Content", "", ""), Fails(CUT_OFF)),
        (
            "says it is compressed and is not",
            vec![write(&format!("{}{whole}", head("200 OK", "content-encoding: gzip\r\ncontent-type: text/event-stream\r\n")))],
            Text("fine"),
        ),
        ("sends a line of 8 MB", then(events("data: "), [Step::Write(vec![b'x'; 8 << 20])]), Fails(CUT_OFF)),
        ("floods", then(events(""), [Step::Repeat(FINE.repeat(500).into_bytes(), Duration::ZERO)]), Truncated),
        ("sends half a JSON, then more", events(&format!("data: {{\"choices\":[\n\n{whole}")), Fails(UNAVAILABLE)),
        ("sends half a JSON after a chunk", events(&format!("{FINE}data: {{\"choices\":[\n\n{whole}")), BreaksOff(CUT_OFF)),
        ("sends JSON of other shapes", events(&format!("data: []\n\ndata: 7\n\ndata: null\n\ndata: \"x\"\n\n{whole}")), Text("fine")),
        ("sends bytes that are no UTF-8", then(events(FINE), [Step::Write(b"data: \xff\xfe\n\n".to_vec())]), BreaksOff(CUT_OFF)),
        (
            "counts absurdly",
            events(&format!(
                "{FINE}{STOP}data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":-3,\"completion_tokens\":\"x\",\"total_tokens\":1e99}}}}\n\n{DONE}"
            )),
            Text("fine"),
        ),
        ("sends a chunk twice", events(&format!("{FINE}{FINE}{STOP}{DONE}")), Text("finefine")),
        // Errors in a stream.
        (
            "reports an error at once",
            events(&format!("data: {{\"error\":{{\"message\":\"SECRET\",\"code\":500}}}}\n\n{DONE}")),
            Fails(UNAVAILABLE),
        ),
        ("reports an error late", events(&format!("{FINE}data: {{\"error\":\"SECRET\"}}\n\n{DONE}")), BreaksOff(CUT_OFF)),
        (
            "reports an error flatly",
            events(&format!("{FINE}data: {{\"object\":\"error\",\"message\":\"SECRET\",\"code\":500}}\n\n{DONE}")),
            BreaksOff(CUT_OFF),
        ),
        ("reports an error in a field", events("error: {\"message\":\"SECRET\"}\n\n"), Fails(CUT_OFF)),
        (
            "answers 200 with an error",
            vec![write(&format!("{}{{\"error\":{{\"message\":\"SECRET\"}}}}", head("200 OK", json)))],
            Fails(UNAVAILABLE),
        ),
        // Refusals, in all shapes.
        (
            "refuses as OpenAI does",
            refuses("429 Too Many Requests", json, "{\"error\":{\"message\":\"SECRET\",\"type\":\"t\",\"code\":\"rate_limit_exceeded\"}}"),
            Fails(UNAVAILABLE),
        ),
        (
            "refuses with a number for a code",
            refuses("500 Internal Server Error", json, "{\"error\":{\"code\":500,\"message\":\"SECRET\"}}"),
            Fails(UNAVAILABLE),
        ),
        ("refuses with a text", refuses("404 Not Found", json, "{\"error\":\"SECRET\"}"), Fails(UNAVAILABLE)),
        (
            "refuses flatly",
            refuses("400 Bad Request", json, "{\"object\":\"error\",\"message\":\"SECRET\",\"code\":400}"),
            Fails(UNAVAILABLE),
        ),
        ("refuses with a detail", refuses("422 Unprocessable Entity", json, "{\"detail\":[{\"msg\":\"SECRET\"}]}"), Fails(UNAVAILABLE)),
        ("refuses with HTML", refuses("502 Bad Gateway", "content-type: text/html\r\n", "<html>SECRET</html>"), Fails(UNAVAILABLE)),
        ("refuses with nothing", refuses("503 Service Unavailable", "", ""), Fails(UNAVAILABLE)),
        ("refuses the key", refuses("401 Unauthorized", json, "{\"error\":{\"message\":\"SECRET\"}}"), Fails(UNAVAILABLE)),
        (
            "refuses for a filter",
            refuses("400 Bad Request", json, "{\"error\":{\"code\":\"content_filter\",\"message\":\"SECRET\"}}"),
            Fails("CONTENT_FILTERED"),
        ),
        ("is overloaded", refuses("529 Overloaded", json, "{\"type\":\"error\"}"), Fails(UNAVAILABLE)),
        (
            "refuses and never ends",
            then(refuses("500 Internal Server Error", "content-length: 100\r\n", "x"), [Step::Hang]),
            Fails(UNAVAILABLE),
        ),
        ("asks for a day's wait", refuses("429 Too Many Requests", "retry-after: 86400\r\n", "{}"), Fails(UNAVAILABLE)),
        ("asks for junk", refuses("429 Too Many Requests", "retry-after: tomorrow\r\n", "{}"), Fails(UNAVAILABLE)),
        ("redirects", refuses("302 Found", "location: http://127.0.0.1:1/\r\n", ""), Fails(UNAVAILABLE)),
        ("redirects for good", refuses("308 Permanent Redirect", "location: /v1/chat/completions\r\n", ""), Fails(UNAVAILABLE)),
    ];
    let five = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    faults.push(("is cut before its first chunk", events(": x\n\n"), Fails(CUT_OFF)));
    faults.push(("is cut after one chunk", events(five), BreaksOff(CUT_OFF)));
    faults.push(("is cut after two chunks", events(&five.repeat(2)), BreaksOff(CUT_OFF)));
    faults.push(("is cut after three chunks", events(&five.repeat(3)), BreaksOff(CUT_OFF)));
    faults
}

fn patient(base_url: String) -> impl FnOnce(&mut Config) {
    move |config| {
        config.models = vec![ModelConfig {
            name: "raw".into(),
            base_url,
            connect_timeout: Duration::from_millis(300),
            first_token_timeout: FIRST_TOKEN,
            token_gap_timeout: GAP,
            total_timeout: Duration::from_millis(1500),
            ..ModelConfig::default()
        }];
    }
}

async fn desk_with(base_url: String) -> Desk {
    let opening = Opening { with_model: false, with_shop: false, change: |_| {} };
    opening.open_set(patient(base_url)).await
}

/// Retones a text with the caller's deadline; how long it took, too.
async fn retone(desk: &mut Desk) -> (Result<pb::Finished, tonic::Status>, Duration) {
    let began = Instant::now();
    let request = pb::RetoneReplyRequest { text: "Wait.".into(), tone: pb::Tone::Formal.into(), ..pb::RetoneReplyRequest::default() };
    let mut request = tonic::Request::new(request);
    request.metadata_mut().insert("grpc-timeout", format!("{}m", DEADLINE.as_millis()).parse().unwrap());
    let result = desk.retone_with(request).await;
    (result.map(|result| result.finished), began.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_model_does_the_caller_gets_the_right_error_in_time() {
    let all = faults();
    assert!(all.len() >= 60, "{}", all.len());
    // A few at a time: each has a desk of its own, so that none is taken for down for another's fault.
    let turns = std::sync::Arc::new(tokio::sync::Semaphore::new(4));
    let mut tests = tokio::task::JoinSet::new();
    for (name, steps, comes) in all {
        let turns = std::sync::Arc::clone(&turns);
        tests.spawn(async move {
            let _turn = turns.acquire_owned().await.unwrap();
            one_fault(name, steps, comes).await;
        });
    }
    while let Some(ended) = tests.join_next().await {
        if let Err(failed) = ended {
            std::panic::resume_unwind(failed.into_panic());
        }
    }
}

async fn one_fault(name: &str, steps: Vec<Step>, comes: Comes) {
    let model = RawModel::start(vec![steps]).await;
    let mut desk = desk_with(model.base_url()).await;
    let (result, took) = retone(&mut desk).await;
    assert!(took < DEADLINE + Duration::from_millis(200), "{name}: {took:?}");
    match (comes, result) {
        (Text(text), Ok(finished)) => assert_eq!((finished.text.as_str(), finished.warnings.len()), (text, 0), "{name}"),
        (Truncated, Ok(finished)) => assert_eq!(finished.warnings[0].kind(), pb::WarningKind::Truncated, "{name}"),
        (Fails(reason), Err(status)) => {
            failed(name, &status, reason, None);
        }
        (BreaksOff(reason), Err(status)) => failed(name, &status, reason, Some("true")),
        (_, result) => panic!("{name}: {result:?}"),
    }
    eventually(name, async || model.open() == 0).await;
    desk.close().await;
}

fn failed(name: &str, status: &tonic::Status, reason: &str, partial: Option<&str>) {
    use tonic_types::StatusExt;
    let details = status.get_error_details();
    let result = details.error_info().unwrap_or_else(|| panic!("{name}: {status:?}"));
    assert_eq!((status.code(), result.reason.as_str()), (Code::Unavailable, reason), "{name}: {status:?}");
    assert_eq!(result.metadata.get("partial").map(String::as_str), partial, "{name}");
    assert!(details.retry_info().is_some(), "{name}");
    assert!(!status.message().contains("SECRET"), "{name}: the provider's words stay out");
}

#[tokio::test]
async fn a_server_that_is_not_there_or_speaks_no_tls_cannot_be_reached() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let plain = RawModel::start(vec![vec![write("no TLS here")]]).await;
    for base_url in [format!("http://{nobody}/v1"), format!("https://{}/v1", plain.address), "http://nowhere.invalid/v1".to_owned()] {
        let mut desk = desk_with(base_url).await;
        let (result, took) = retone(&mut desk).await;
        refused(&result.unwrap_err(), Code::Unavailable, UNAVAILABLE);
        assert!(took < DEADLINE + Duration::from_millis(200), "{took:?}");
        desk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_and_endless_lines_cost_little_memory() {
    const AT_ONCE: usize = 20;
    let flood = then(events(""), [Step::Repeat(FINE.repeat(500).into_bytes(), Duration::ZERO)]);
    let endless = then(events("data: "), [Step::Repeat(vec![b'x'; 1 << 20], Duration::ZERO)]);
    let folder = tempfile::tempdir().unwrap();
    let mut scripts = vec![events(&format!("{FINE}{STOP}{DONE}"))];
    scripts.extend((0..40).map(|number| if number % 2 == 0 { flood.clone() } else { endless.clone() }));
    let model = RawModel::start(scripts).await;
    let process = Process::start_with_model(&folder.path().join("data"), &model.base_url()).await;
    let retone = || {
        let mut replies = ReplyServiceClient::new(process.channel.clone());
        async move {
            let request =
                pb::RetoneReplyRequest { text: "Wait.".into(), tone: pb::Tone::Formal.into(), ..pb::RetoneReplyRequest::default() };
            let mut stream = replies.retone_reply(request).await?.into_inner();
            while stream.message().await?.is_some() {}
            Ok::<(), tonic::Status>(())
        }
    };
    // The first calls load what all calls need, such as the languages' models.
    retone().await.unwrap();
    let _ = (retone().await, retone().await);
    let before = process.most_resident_megabytes();
    let calls: Vec<_> = (0..AT_ONCE).map(|_| retone()).collect();
    let (mut cut, mut refused) = (0, 0);
    for result in futures::future::join_all(calls).await {
        match result {
            Ok(()) => cut += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(cut > 0 && cut + refused == AT_ONCE, "{cut} {refused}");
    let more = process.most_resident_megabytes() - before;
    assert!(more < 64, "{more} MB more");
}
