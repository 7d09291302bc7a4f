//! What an agent reads when a call fails: in the agent's language, without operators' words.

use deskhand::{api::pb, config::ModelConfig, text::Language};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::support::{
    desk::{Desk, Opening, customer_says, refused},
    raw_model::{RawModel, Step},
};

/// The language and the text for the agent.
fn told(status: &Status) -> (String, String) {
    let details = status.get_error_details();
    let message = details.localized_message().unwrap_or_else(|| panic!("{status:?} has no text"));
    (message.locale.clone(), message.message.clone())
}

fn text(locale: &str, message: &str) -> (String, String) {
    (locale.to_owned(), message.to_owned())
}

fn draft_in(language: &str, accepted: &str, chat_id: &str) -> Request<pb::DraftReplyRequest> {
    let agent = Some(pb::Agent { agent_id: "a1".into(), language: language.into(), ..pb::Agent::default() });
    let mut request = Request::new(pb::DraftReplyRequest { chat_id: chat_id.into(), agent, ..pb::DraftReplyRequest::default() });
    if !accepted.is_empty() {
        request.metadata_mut().insert("accept-language", accepted.parse().unwrap());
    }
    request
}

/// Why a draft fails, at once or in its stream.
async fn refusal(desk: &mut Desk, request: Request<pb::DraftReplyRequest>) -> Status {
    match desk.replies.draft_reply(request).await {
        Err(status) => status,
        Ok(stream) => {
            let mut stream = stream.into_inner();
            loop {
                match stream.message().await {
                    Err(status) => return status,
                    Ok(message) => assert!(message.is_some(), "the draft did not fail"),
                }
            }
        }
    }
}

#[tokio::test]
async fn a_failure_is_told_in_the_agents_language() {
    let events = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"Good day. It\"}}]}\n\n";
    let refuses = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
    let scripts = [refuses, events, events].map(|answer| vec![Step::Write(answer.as_bytes().to_vec())]);
    let model = RawModel::start(scripts.to_vec()).await;
    let config = ModelConfig { name: "m".into(), base_url: model.base_url(), ..ModelConfig::default() };
    let mut desk = Opening { with_model: false, with_shop: false, change: |_| {} }.open_set(|all| all.models = vec![config]).await;
    desk.append("c1", vec![customer_says("e1", "Where is my parcel?")]).await.unwrap();

    let status = refusal(&mut desk, draft_in("tr", "", "c1")).await;
    refused(&status, Code::Unavailable, "MODEL_UNAVAILABLE");
    assert_eq!(told(&status), text("tr", "Şu anda metin yazılamıyor. Lütfen birazdan yeniden deneyin."));
    assert!(status.message().contains("HTTP status 401"), "the message stays the operator's: {status:?}");
    // In the middle of a stream.
    let status = refusal(&mut desk, draft_in("de-AT", "hu", "c1")).await;
    refused(&status, Code::Unavailable, "MODEL_CUT_OFF");
    assert_eq!(status.get_details_error_info().unwrap().metadata["partial"], "true");
    assert_eq!(told(&status), text("de", "Der Text brach ab, bevor er fertig war. Bitte versuchen Sie es noch einmal."));
    // Before anything was done.
    let status = refusal(&mut desk, draft_in("de", "", "unknown")).await;
    refused(&status, Code::NotFound, "CHAT_NOT_FOUND");
    assert_eq!(told(&status), text("de", "Dieser Chat wurde nicht gefunden. Bitte öffnen Sie ihn noch einmal."));
    assert!(status.get_details_resource_info().is_some(), "the other details stay");
    // A language that there is no text in leaves the choice to what follows.
    assert_eq!(told(&refusal(&mut desk, draft_in("ja", "fr;q=0.4, it, es;q=0.9", "unknown")).await).0, "es");
    assert_eq!(told(&refusal(&mut desk, draft_in("ja", "", "unknown")).await).0, "en");
    desk.close().await;
}

#[tokio::test]
async fn without_an_agent_the_metadata_names_the_language_and_then_the_desk() {
    let opening = Opening { with_model: false, with_shop: false, change: |_| {} };
    let mut desk = opening.open_set(|all| all.desk.language = Language::parse("fr").unwrap()).await;
    let retone = |accepted: &str| {
        let mut request = Request::new(pb::RetoneReplyRequest {
            text: "Wait.".into(),
            tone: pb::Tone::Formal.into(),
            ..pb::RetoneReplyRequest::default()
        });
        if !accepted.is_empty() {
            request.metadata_mut().insert("accept-language", accepted.parse().unwrap());
        }
        request
    };
    let status = desk.retone_with(retone("hu-HU,hu;q=0.9,en;q=0.5")).await.unwrap_err();
    refused(&status, Code::FailedPrecondition, "MODEL_NOT_CONFIGURED");
    let hungarian = "Erre az írássegéd itt nem képes. Kérjük, írja meg saját maga, vagy szóljon a rendszergazdának, ha szüksége van rá.";
    assert_eq!(told(&status), text("hu", hungarian));
    assert!(status.message().contains("OPENAI_BASE_URL"), "{status:?}");
    for (accepted, language) in [("", "fr"), ("ja", "fr"), ("*", "fr"), ("tr", "tr")] {
        assert_eq!(told(&desk.retone_with(retone(accepted)).await.unwrap_err()).0, language, "{accepted}");
    }
    // What fails before the request is read, and what the transport itself refuses.
    let mut badly_timed = retone("hu");
    badly_timed.metadata_mut().insert("grpc-timeout", "soon".parse().unwrap());
    assert_eq!(told(&desk.retone_with(badly_timed).await.unwrap_err()).0, "hu");
    let too_large = pb::RetoneReplyRequest { text: "x".repeat(5 << 20), ..pb::RetoneReplyRequest::default() };
    let status = desk.retone_with(Request::new(too_large)).await.unwrap_err();
    refused(&status, Code::ResourceExhausted, "REQUEST_TOO_LARGE");
    assert_eq!(told(&status), text("fr", "C'est trop en une fois. Veuillez raccourcir."));
    desk.close().await;
}
