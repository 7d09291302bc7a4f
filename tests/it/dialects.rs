//! Servers with their own dialects of the chat completions protocol, as their documentation and users' reports show them.

use std::time::{Duration, Instant};

use deskhand::{api::pb, config::ModelConfig};
use serde_json::Value;
use toml::Table;
use tonic::Code;
use tonic_types::StatusExt;

use crate::support::{
    desk::{Desk, Opening, refused},
    raw_model::{RawModel, Step},
};

const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// Retones a text with a server that answers so, and with these settings; what came, and what the server was asked.
async fn answered(answer: &str, settings: &str) -> (pb::Finished, String) {
    answered_in(vec![Step::Write(answer.as_bytes().to_vec())], settings).await
}

async fn answered_in(steps: Vec<Step>, settings: &str) -> (pb::Finished, String) {
    let model = RawModel::start(vec![steps]).await;
    let finished = retoned_by(&model, settings).await.unwrap();
    (finished, model.asked().remove(0))
}

/// What the caller gets from a server that goes through these steps.
async fn told(steps: Vec<Step>, settings: &str) -> Result<pb::Finished, tonic::Status> {
    retoned_by(&RawModel::start(vec![steps]).await, settings).await
}

async fn retoned_by(model: &RawModel, settings: &str) -> Result<pb::Finished, tonic::Status> {
    let mut config = ModelConfig { name: "m".into(), base_url: model.base_url(), ..ModelConfig::default() };
    for (key, value) in &settings.parse::<Table>().unwrap() {
        let value = match value.as_str() {
            Some(text) if key == "base_url" => toml::Value::String(format!("http://{}{text}", model.address)),
            _ => value.clone(),
        };
        config.set(key, &value).unwrap_or_else(|| panic!("there is no key {key}")).unwrap();
    }
    let opening = Opening { with_model: false, with_shop: false, change: |_| {} };
    let mut desk: Desk = opening.open_set(|all| all.models = vec![config]).await;
    let answered = desk.retone("Wait.", pb::Tone::Formal).await;
    desk.close().await;
    answered.map(|answered| answered.finished)
}

/// A chunk with this delta and finish reason.
fn delta(content: &str, finish_reason: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{content}\"}},\"finish_reason\":{finish_reason}}}]}}\n\n")
}

fn events(body: &str) -> Step {
    Step::Write(format!("{EVENTS}{body}").into_bytes())
}

fn pause(milliseconds: u64) -> Step {
    Step::Pause(Duration::from_millis(milliseconds))
}

fn body(asked: &str) -> Value {
    serde_json::from_str(asked.split_once("\r\n\r\n").unwrap().1).unwrap()
}

async fn says_fine(events: &str) -> pb::Finished {
    let (finished, _) = answered(&format!("{EVENTS}{events}"), "").await;
    assert_eq!((finished.text.as_str(), finished.engine()), ("fine", pb::Engine::Model), "{events}");
    finished
}

#[tokio::test]
async fn openai() {
    let events = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"service_tier\":null,\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"fine\"},\"finish_reason\":null}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":19,\"completion_tokens\":1,\"total_tokens\":20}}\n\ndata: [DONE]\n\n";
    let (finished, asked) = answered(
        &format!("{EVENTS}{events}"),
        "api_key = 'sk-1'\ninstruction_role = 'developer'\nbody = { max_tokens = 'null', max_completion_tokens = 90 }",
    )
    .await;
    assert_eq!((finished.text.as_str(), finished.usage.unwrap().prompt_tokens), ("fine", 19));
    assert!(asked.starts_with("POST /v1/chat/completions HTTP/1.1\r\n") && asked.contains("authorization: Bearer sk-1\r\n"), "{asked}");
    let body = body(&asked);
    assert_eq!((body["messages"][0]["role"].as_str(), body["max_completion_tokens"].as_u64()), (Some("developer"), Some(90)));
    assert!(body.get("max_tokens").is_none() && body["stream"] == true && body["stream_options"]["include_usage"] == true);
}

#[tokio::test]
async fn azure() {
    let events = "data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",\"prompt_filter_results\":[{\"prompt_index\":0,\"content_filter_results\":{}}]}\n\ndata: {\"choices\":[{\"content_filter_results\":{},\"delta\":{\"content\":\"fine\"},\"finish_reason\":null,\"index\":0}]}\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let settings =
        "base_url = '/openai/deployments/desk'\napi_key = 'azure-1'\napi_key_header = 'api-key'\nquery = { api-version = '2024-10-21' }";
    let (finished, asked) = answered(&format!("{EVENTS}{events}"), settings).await;
    assert_eq!(finished.text, "fine");
    assert!(asked.starts_with("POST /openai/deployments/desk/chat/completions?api-version=2024-10-21 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("api-key: azure-1\r\n") && !asked.to_lowercase().contains("authorization"), "{asked}");
}

#[tokio::test]
async fn ollama() {
    says_fine("data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"llama3.2\",\"system_fingerprint\":\"fp_ollama\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"fine\"},\"finish_reason\":null}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n").await;
}

/// As a server of llama.cpp sent it, with `return_progress` and a comment each second.
#[tokio::test]
async fn llama_cpp() {
    let finished = says_fine("data: {\"choices\":[{\"finish_reason\":null,\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null}}],\"created\":1,\"id\":\"chatcmpl-1\",\"model\":\"smollm2\",\"system_fingerprint\":\"b0-unknown\",\"object\":\"chat.completion.chunk\",\"prompt_progress\":{\"total\":7,\"cache\":0,\"processed\":0,\"time_ms\":0}}\n\n:\n\n:\n\ndata: {\"choices\":[{\"finish_reason\":null,\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null}}],\"prompt_progress\":{\"total\":7,\"cache\":0,\"processed\":7,\"time_ms\":15912}}\n\ndata: {\"choices\":[{\"finish_reason\":null,\"index\":0,\"delta\":{\"content\":\"fine\"}}]}\n\ndata: {\"choices\":[{\"finish_reason\":\"stop\",\"index\":0,\"delta\":{}}]}\n\ndata: {\"choices\":[],\"usage\":{\"completion_tokens\":1,\"prompt_tokens\":7,\"total_tokens\":8,\"prompt_tokens_details\":{\"cached_tokens\":0}},\"timings\":{\"prompt_n\":7}}\n\ndata: [DONE]\n\n").await;
    assert_eq!(finished.usage.unwrap().prompt_tokens, 7);
}

#[tokio::test]
async fn vllm() {
    let finished = says_fine("data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":{\"prompt_tokens\":9,\"total_tokens\":9}}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"let me see\"}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"fine\"},\"stop_reason\":null}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"abort\",\"stop_reason\":7}]}\n\ndata: [DONE]\n\n").await;
    assert_eq!(finished.usage.unwrap().prompt_tokens, 9);
}

#[tokio::test]
async fn lm_studio() {
    says_fine("data: {\"id\":\"chatcmpl-x\",\"object\":\"chat.completion.chunk\",\"created\":1.75,\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"fi\"},\"logprobs\":null,\"finish_reason\":null}]}\n\ndata:{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ne\"},\"finish_reason\":null}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"stats\":{}}\n\ndata: [DONE]\n\n").await;
}

#[tokio::test]
async fn mistral() {
    let finished = says_fine("data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"model\":\"mistral-small\",\"choices\":[{\"index\":0,\"delta\":{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"hm\"}]}]}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"fine\"}]},\"finish_reason\":null}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":4,\"total_tokens\":5,\"completion_tokens\":1}}\n\ndata: [DONE]\n\n").await;
    assert_eq!(finished.usage.unwrap().completion_tokens, 1);
}

#[tokio::test]
async fn openrouter() {
    says_fine(": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\ndata: {\"id\":\"gen-1\",\"provider\":\"X\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"reasoning\":\"thinking\"},\"finish_reason\":null,\"native_finish_reason\":null}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"fine\",\"reasoning\":null},\"finish_reason\":null}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"stop\",\"native_finish_reason\":\"end_turn\"}]}\n\ndata: [DONE]\n\n").await;
}

#[tokio::test]
async fn litellm() {
    says_fine("data: {\"id\":\"chatcmpl-1\",\"created\":1,\"model\":\"m\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"fine\",\"role\":\"assistant\"}}],\"citations\":null}\n\ndata: {\"choices\":[{\"finish_reason\":\"stop\",\"index\":0,\"delta\":{}}]}\n\ndata: [DONE]\n\n").await;
}

#[tokio::test]
async fn deepseek() {
    says_fine(": keep-alive\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"First, \"},\"finish_reason\":null}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"fine\",\"reasoning_content\":null},\"finish_reason\":null}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\",\"reasoning_content\":null},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"prompt_cache_hit_tokens\":0}}\n\ndata: [DONE]\n\n").await;
}

#[tokio::test]
async fn groq() {
    let finished = says_fine("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"fine\"},\"finish_reason\":null}],\"service_tier\":\"on_demand\"}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"x_groq\":{\"id\":\"r\",\"usage\":{\"prompt_tokens\":6,\"completion_tokens\":1}}}\n\ndata: [DONE]\n\n").await;
    assert_eq!(finished.usage.unwrap().prompt_tokens, 6);
}

#[tokio::test]
async fn text_generation_inference() {
    says_fine("data:{\"object\":\"chat.completion.chunk\",\"id\":\"\",\"created\":1,\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"fine\"},\"logprobs\":null,\"finish_reason\":null}]}\n\ndata:{\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":\"eos_token\"}]}\n\n").await;
}

#[tokio::test]
async fn thinking_between_tags() {
    says_fine("data: {\"choices\":[{\"delta\":{\"content\":\"<thi\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"nk>The customer\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\" wants</think>\\n\\nfine\"}}]}\n\ndata: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n").await;
}

/// Some templates of prompts open the thought, so that its end alone is in the answer.
#[tokio::test]
async fn thinking_whose_beginning_is_in_the_prompt() {
    let answer = |pieces: &[&str]| {
        let chunk = |piece: &&str| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{piece}\"}}}}]}}\n\n");
        let chunks: String = pieces.iter().map(chunk).collect();
        vec![Step::Write(format!("{EVENTS}{chunks}data: [DONE]\n\n").into_bytes())]
    };
    let thinks = answer(&["He wants", " it so.</th", "ink>\\n\\nfi", "ne"]);
    let model = RawModel::start(vec![thinks.clone(), thinks.clone(), answer(&["fi", "ne"]), thinks]).await;
    let config = ModelConfig { name: "m".into(), base_url: model.base_url(), ..ModelConfig::default() };
    let opening = Opening { with_model: false, with_shop: false, change: |_| {} };
    let mut desk: Desk = opening.open_set(|all| all.models = vec![config]).await;
    // The first one is seen too late to be kept out; it is no reply.
    let status = desk.retone("Wait.", pb::Tone::Formal).await.unwrap_err();
    refused(&status, Code::Unavailable, "MODEL_CUT_OFF");
    assert!(status.message().contains("reasoning parser"), "{status:?}");
    for _ in 0..2 {
        assert_eq!(desk.retone("Wait.", pb::Tone::Formal).await.unwrap().finished.text, "fine");
    }
    // One that did not think was no less right, and the next is not waited for.
    refused(&desk.retone("Wait.", pb::Tone::Formal).await.unwrap_err(), Code::Unavailable, "MODEL_CUT_OFF");
    desk.close().await;
}

#[tokio::test]
async fn thinking_in_parts_of_the_content() {
    says_fine("data: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"reasoning\",\"text\":\"hm\"}]}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"fine\"}]},\"finish_reason\":\"stop\"}]}\n\n").await;
}

#[tokio::test]
async fn an_end_in_other_words() {
    for reason in ["model_length", "MAX_TOKENS", "max_length"] {
        let events =
            format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"fine\"}},\"finish_reason\":\"{reason}\"}}]}}\n\ndata: [DONE]\n\n");
        assert_eq!(says_fine(&events).await.warnings[0].kind(), pb::WarningKind::Truncated, "{reason}");
    }
    for end in ["data:  [DONE] \n\n", "data: [DONE]", "data:[DONE]\r\r", "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\r\r"] {
        says_fine(&format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"fine\"}}}}]}}\n\n{end}")).await;
    }
}

#[tokio::test]
async fn missing_and_null_fields() {
    says_fine("data: {\"choices\":[{\"delta\":{\"content\":\"fi\"}}]}\n\ndata: {\"choices\":null}\n\ndata: {}\n\ndata: {\"choices\":[{\"delta\":null}],\"usage\":{}}\n\ndata: {\"choices\":[{}]}\n\ndata: {\"choices\":[{\"delta\":{\"role\":\"\",\"content\":\"ne\"},\"finish_reason\":\"\"}]}\n\ndata: {\"choices\":[{\"finish_reason\":\"end_turn\"}]}\n\n").await;
}

/// The same events however their lines end and wherever they are cut.
#[tokio::test]
async fn lines_of_all_kinds() {
    let events = ": hello\nid: 1\nevent: message\nretry: 100\ndata: {\"choices\":\ndata: [{\"delta\":{\"content\":\"fine\"}}]}\n\ndata:{\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata\n\ndata: [DONE]\n\n";
    for end in ["\n", "\r\n", "\r"] {
        says_fine(&events.replace('\n', end)).await;
    }
    says_fine(&format!("\u{feff}{events}")).await;
    let halved = |size: usize| {
        let pieces = events.as_bytes().chunks(size).map(|piece| Step::Write(piece.to_vec()));
        [Step::Write(EVENTS.into())].into_iter().chain(pieces).collect::<Vec<_>>()
    };
    for size in [1, 3, 7] {
        assert_eq!(answered_in(halved(size), "").await.0.text, "fine", "{size}");
    }
}

#[tokio::test]
async fn an_answer_in_one_piece_where_streaming_is_off() {
    let json = "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"fine\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}";
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{json}", json.len());
    let (finished, asked) = answered(
        &answer,
        "stream = false\nheaders = { x-team = 'desk' }\nbody = { top_p = 0.9, stop = ['END'] }\ntemperature = 0.2\nmax_tokens = 77",
    )
    .await;
    assert_eq!((finished.text.as_str(), finished.usage.unwrap().prompt_tokens), ("fine", 3));
    let body = body(&asked);
    assert_eq!((body["stream"].as_bool(), body["max_tokens"].as_u64(), body["temperature"].as_f64()), (Some(false), Some(77), Some(0.2)));
    assert_eq!((body["top_p"].as_f64(), body["stop"][0].as_str()), (Some(0.9), Some("END")));
    assert!(body.get("stream_options").is_none() && asked.contains("x-team: desk\r\n"), "{asked}");
}

#[tokio::test]
async fn gemini() {
    let events = "data: {\"choices\":[{\"delta\":{\"content\":\"<thought>hm</thought>\",\"extra_content\":{\"google\":{\"thought\":true}},\"role\":\"assistant\"},\"index\":0}],\"created\":1,\"id\":\"x\",\"model\":\"gemini-2.5-flash\",\"object\":\"chat.completion.chunk\",\"usage\":{\"completion_tokens\":0,\"prompt_tokens\":8,\"total_tokens\":30}}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"fi\",\"role\":\"assistant\"},\"index\":0}],\"usage\":{\"completion_tokens\":1,\"prompt_tokens\":8,\"total_tokens\":31}}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"ne\",\"extra_content\":{\"google\":{\"thought_signature\":\"c2ln\"}},\"role\":\"assistant\"},\"finish_reason\":\"stop\",\"index\":0}],\"usage\":{\"completion_tokens\":2,\"prompt_tokens\":8,\"total_tokens\":32}}\n\ndata: [DONE]\n\n";
    let (finished, asked) = answered(&format!("{EVENTS}{events}"), "base_url = '/v1beta/openai'\napi_key = 'AIza-1'").await;
    assert_eq!((finished.text.as_str(), finished.usage.unwrap().completion_tokens), ("fine", 2));
    assert!(asked.starts_with("POST /v1beta/openai/chat/completions HTTP/1.1\r\n") && asked.contains("authorization: Bearer AIza-1\r\n"));
    // Its early versions named the reason of the end otherwise, and its errors come in a list.
    says_fine("data: {\"choices\":[{\"delta\":{\"content\":\"fine\"},\"finishReason\":\"stop\",\"index\":0}]}\n\n").await;
    let error = "[{\n  \"error\": {\n    \"code\": 400,\n    \"message\": \"SECRET\",\n    \"status\": \"INVALID_ARGUMENT\"\n  }\n}\n]\n";
    let status = told(vec![typed("application/json", error)], "").await.unwrap_err();
    refused(&status, Code::Unavailable, "MODEL_UNAVAILABLE");
}

fn typed(content_type: &str, body: &str) -> Step {
    Step::Write(format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\nconnection: close\r\n\r\n{body}").into_bytes())
}

#[tokio::test]
async fn anthropic() {
    let events = "data: {\"id\":\"msg_1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\",\"role\":\"assistant\",\"refusal\":null}}],\"created\":1,\"model\":\"claude-sonnet-4-20250514\",\"object\":\"chat.completion.chunk\",\"usage\":null}\n\ndata: {\"id\":\"\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"fi\",\"role\":\"assistant\"}}],\"usage\":null}\n\ndata: {\"id\":\"\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ne\",\"role\":\"assistant\"}}],\"usage\":null}\n\ndata: {\"id\":\"\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\ndata: {\"id\":\"\",\"choices\":[],\"usage\":{\"completion_tokens\":5,\"prompt_tokens\":16,\"total_tokens\":21}}\n\ndata: [DONE]\n\n";
    let (finished, asked) = answered(&format!("{EVENTS}{events}"), "api_key = 'sk-ant-1'\ntemperature = 0.3").await;
    assert_eq!((finished.text.as_str(), finished.usage.unwrap().prompt_tokens), ("fine", 16));
    let body = body(&asked);
    assert!(asked.contains("authorization: Bearer sk-ant-1\r\n") && body["max_tokens"].is_u64() && body["temperature"] == 0.3, "{asked}");
    assert_eq!(body["messages"][0]["role"], "system");
}

/// A message in a stream repeats what deltas gave, adds what they lack, or is the text where there are none.
#[tokio::test]
async fn a_message_beside_deltas() {
    let message = |content: &str, end: &str| {
        format!("data: {{\"choices\":[{{\"index\":0,\"message\":{{\"content\":\"{content}\"}},\"finish_reason\":{end}}}]}}\n\n")
    };
    let both = |delta: &str, message: &str| {
        format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{delta}\"}},\"message\":{{\"content\":\"{message}\"}}}}]}}\n\n")
    };
    let done = "data: [DONE]\n\n";
    for stream in [
        delta("fi", "null") + &delta("ne", "null") + &message("fine", "\"stop\""),
        delta("fi", "null") + &message("fine", "\"stop\""),
        delta(" fi", "null") + &delta("ne\\n", "null") + &message("fine", "\"stop\""),
        both("fi", "fi") + &both("ne", "fine") + done,
        both("fi", "fi") + &both("ne", "ne") + done,
        message("f", "null") + &message("fi", "null") + &message("fine", "null") + &message("fine", "\"stop\""),
        message("fi", "null") + &message("ne", "\"stop\""),
        message("fine", "\"stop\""),
    ] {
        says_fine(&stream).await;
    }
}

/// Some servers send a finish reason with every chunk.
#[tokio::test]
async fn a_finish_reason_counts_with_the_end_of_the_stream() {
    let quick = "token_gap_timeout = '200ms'";
    let every = |reason: &str| delta("fi", reason) + &delta("ne", reason);
    for reason in ["\"stop\"", "\"length\"", "\"eos_token\""] {
        for break_off in [Step::Reset, Step::Hang] {
            for half in [delta("fi", reason), every(reason)] {
                let status = told(vec![events(&half), pause(20), break_off.clone()], quick).await.unwrap_err();
                refused(&status, Code::Unavailable, "MODEL_CUT_OFF");
            }
        }
    }
    // Text after it takes it back.
    let again = delta("fi", "null") + &delta("", "\"stop\"") + &delta("ne", "null");
    for end in [Step::Reset, pause(0)] {
        let status = told(vec![events(&again), pause(20), end], quick).await.unwrap_err();
        refused(&status, Code::Unavailable, "MODEL_CUT_OFF");
    }
    // With its end such a stream is whole; an empty reason is none.
    says_fine(&every("\"stop\"")).await;
    says_fine(&(every("\"\"") + "data: [DONE]\n\n")).await;
    says_fine(&(every("\"null\"") + "data: [DONE]\n\n")).await;
    let status = told(vec![events(&every("\"null\""))], "").await.unwrap_err();
    refused(&status, Code::Unavailable, "MODEL_CUT_OFF");
    // A server that sends it once is believed, whatever comes of the connection.
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";
    for end in [delta("ne", "\"stop\""), delta("ne", "null") + &delta("", "\"stop\""), delta("ne", "\"stop\"") + usage] {
        for break_off in [Step::Reset, Step::Hang] {
            let finished = told(vec![events(&(delta("fi", "null") + &end)), pause(20), break_off], quick).await.unwrap();
            assert_eq!(finished.text, "fine");
        }
    }
}

/// What keeps a connection open is passed over in any form; what is no chunk otherwise is an error.
#[tokio::test]
async fn a_keep_alive_as_data() {
    for alive in [
        "data: : keepalive\n\n",
        "data: : OPENROUTER PROCESSING\n\n",
        "data:\n\n",
        "data: \n\n",
        "data: {}\n\n",
        "data: {\"type\":\"ping\"}\n\n",
        "data: {\"type\":\"keepalive\",\"sequence_number\":1}\n\n",
        "data: ping\n\n",
        "data: \"ping\"\n\n",
        "data: [HEARTBEAT]\n\n",
        "data: Keep-Alive\n\n",
        "event: ping\ndata: 2026-11-26T10:00:00Z\n\n",
        "event: keepalive\ndata: x\n\n",
        "event: heartbeat\ndata:\n\n",
        ": ping - 2026-11-26\n\n",
    ] {
        says_fine(&format!("{alive}{}{alive}{}{alive}data: [DONE]\n\n", delta("fi", "null"), delta("ne", "null"))).await;
    }
    for junk in ["data: junk\n\n", "data: pingback\n\n", "data: upstream error\n\n", "data: {\"choices\":\n\n"] {
        let status = told(vec![events(&(delta("fi", "null") + junk + &delta("ne", "\"stop\"")))], "").await.unwrap_err();
        refused(&status, Code::Unavailable, "MODEL_CUT_OFF");
    }
}

/// Halves of a character, as JSON escapes in two chunks or as bytes in two pieces of the body.
#[tokio::test]
async fn a_character_cut_in_two() {
    for (first, second, text) in [
        ("fine \\ud83d", "\\ude00 so", "fine \u{1f600} so"),
        ("fine \\uD83C", "\\uDF89", "fine \u{1f389}"),
        ("fine \\ud83d\\ude00\\ud83d", "\\ude01", "fine \u{1f600}\u{1f601}"),
        ("fine \\ud83d", "so", "fine \u{fffd}so"),
        ("fine \\ude00", "so", "fine \u{fffd}so"),
        ("fine ", "\\ud83d", "fine \u{fffd}"),
    ] {
        let stream = delta(first, "null") + &delta(second, "null") + &delta("", "\"stop\"");
        assert_eq!(answered(&format!("{EVENTS}{stream}"), "").await.0.text, text, "{first} {second}");
    }
    let stream = format!("{EVENTS}{}", delta("Gr\u{fc}\u{df}e \u{1f600}", "\"stop\""));
    let pieces = stream.as_bytes().chunks(1).flat_map(|piece| [Step::Write(piece.to_vec()), pause(0)]).collect();
    assert_eq!(answered_in(pieces, "").await.0.text, "Gr\u{fc}\u{df}e \u{1f600}");
}

/// An answer is read as what it is, whatever its content type says.
#[tokio::test]
async fn a_mislabelled_body() {
    let events = delta("fi", "null") + &delta("ne", "\"stop\"");
    let compact = "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"fine\"},\"finish_reason\":\"stop\"}]}";
    let unfinished = compact.replace(",\"finish_reason\":\"stop\"", "");
    let pretty = serde_json::to_string_pretty(&serde_json::from_str::<Value>(compact).unwrap()).unwrap();
    let lines = events.replace("data: ", "").replace("\n\n", "\n");
    let single = events.replace("\n\n", "\n");
    let spaced = format!("\n     \n\n{compact}");
    let with_crlf = pretty.replace('\n', "\r\n") + "\r\n";
    let marked = lines.clone() + "[DONE]\n";
    for body in [&events, compact, &unfinished, &pretty, &with_crlf, &spaced, &lines, &marked, &single] {
        for content_type in ["application/json", "text/event-stream"] {
            assert_eq!(told(vec![typed(content_type, body)], "").await.unwrap().text, "fine", "{content_type}: {body}");
        }
    }
    for content_type in ["text/plain; charset=utf-8", "text/html", "application/x-ndjson", "application/octet-stream"] {
        for body in [&events, &pretty] {
            assert_eq!(told(vec![typed(content_type, body)], "").await.unwrap().text, "fine", "{content_type}: {body}");
        }
    }
    // Half of it is no whole answer, and a page of HTML is none at all.
    for (body, reason) in [
        (&pretty[..pretty.len() - 4], "MODEL_CUT_OFF"),
        ("{\"choices\":[{\"delta\":{\"content\":\"fi\"}}]}\n", "MODEL_CUT_OFF"),
        ("\n<!DOCTYPE html>\n<p>SECRET</p>", "MODEL_UNAVAILABLE"),
    ] {
        for content_type in ["application/json", "text/event-stream"] {
            refused(&told(vec![typed(content_type, body)], "").await.unwrap_err(), Code::Unavailable, reason);
        }
    }
}

fn refuses(status: &str, body: &str) -> Vec<Step> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close", body.len());
    vec![Step::Write(format!("{head}\r\n\r\n{body}").into_bytes())]
}

/// A used-up quota is not tried again, and said to be one; a rate is tried again.
#[tokio::test]
async fn a_quota_that_is_used_up() {
    let google = "[{\"error\":{\"code\":429,\"message\":\"SECRET\",\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[{\"violations\":[{\"quotaId\":\"GenerateRequestsPerDayPerProjectPerModel-FreeTier\"}]},{\"retryDelay\":\"1s\"}]}}]";
    let streamed = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\ndata: {\"error\":{\"code\":402,\"message\":\"SECRET\"}}\n\n";
    for steps in [
        refuses(
            "429 Too Many Requests",
            "{\"error\":{\"message\":\"SECRET\",\"type\":\"insufficient_quota\",\"param\":null,\"code\":\"insufficient_quota\"}}",
        ),
        refuses("400 Bad Request", "{\"error\":{\"message\":\"SECRET\",\"code\":\"billing_hard_limit_reached\"}}"),
        refuses("403 Forbidden", "{\"error\":{\"message\":\"SECRET\",\"type\":\"insufficient_user_quota\"}}"),
        refuses(
            "402 Payment Required",
            "{\"error\":{\"message\":\"Insufficient Balance SECRET\",\"type\":\"unknown_error\",\"code\":\"invalid_request_error\"}}",
        ),
        refuses("402 Payment Required", "{\"error\":{\"code\":402,\"message\":\"SECRET\"}}"),
        refuses(
            "400 Bad Request",
            "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"Your credit balance is too low SECRET\"}}",
        ),
        refuses("429 Too Many Requests", google),
        vec![Step::Write(streamed.as_bytes().to_vec())],
    ] {
        let model = RawModel::start(vec![steps.clone()]).await;
        let status = retoned_by(&model, "").await.unwrap_err();
        refused(&status, Code::ResourceExhausted, "MODEL_QUOTA");
        assert!(status.message().contains("top it up") && !status.message().contains("SECRET"), "{status:?}");
        assert!(status.get_details_retry_info().is_none(), "{status:?}");
        assert_eq!(model.asked().len(), 1, "{steps:?}");
    }
    let rate =
        refuses("429 Too Many Requests", "{\"error\":{\"message\":\"SECRET\",\"type\":\"requests\",\"code\":\"rate_limit_exceeded\"}}");
    let model = RawModel::start(vec![rate]).await;
    refused(&retoned_by(&model, "").await.unwrap_err(), Code::Unavailable, "MODEL_UNAVAILABLE");
    assert_eq!(model.asked().len(), 3);
}

/// The next model of the chain answers; and once such a model is not called any more, the caller still learns why.
#[tokio::test]
async fn a_quota_that_is_used_up_is_a_fault_of_its_model_alone() {
    let used_up = refuses("429 Too Many Requests", "{\"error\":{\"code\":\"insufficient_quota\"}}");
    let first = RawModel::start(vec![used_up]).await;
    let second = RawModel::start(vec![vec![events(&delta("fine", "\"stop\""))]]).await;
    let config = |model: &RawModel| ModelConfig { name: "m".into(), base_url: model.base_url(), ..ModelConfig::default() };
    let opening = || Opening { with_model: false, with_shop: false, change: |_| {} };
    let mut desk: Desk = opening().open_set(|all| all.models = vec![config(&first), config(&second)]).await;
    assert_eq!(desk.retone("Wait.", pb::Tone::Formal).await.unwrap().finished.text, "fine");
    desk.close().await;
    let mut desk: Desk = opening().open_set(|all| all.models = vec![config(&first)]).await;
    for _ in 0..7 {
        refused(&desk.retone("Wait.", pb::Tone::Formal).await.unwrap_err(), Code::ResourceExhausted, "MODEL_QUOTA");
    }
    desk.close().await;
}

/// Before the first text, whatever arrives restarts the wait for it. Nothing does so after it, and nothing extends the whole.
#[tokio::test]
async fn signs_of_life_while_a_prompt_is_read() {
    let settings = "first_token_timeout = '600ms'\ntoken_gap_timeout = '300ms'\ntotal_timeout = '1500ms'";
    let progress = "data: {\"choices\":[{\"finish_reason\":null,\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null}}],\"object\":\"chat.completion.chunk\",\"prompt_progress\":{\"total\":5900,\"cache\":0,\"processed\":2048,\"time_ms\":181}}\n\n";
    let empty = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
    for sign in [progress, empty, ": ping\n\n", "event: ping\ndata: {}\n\n", "\n"] {
        let waiting = (0..6).flat_map(|_| [Step::Write(sign.as_bytes().to_vec()), pause(150)]);
        let answer = Step::Write(delta("fine", "\"stop\"").into_bytes());
        let steps = [events("")].into_iter().chain(waiting).chain([answer]).collect();
        assert_eq!(told(steps, settings).await.unwrap().text, "fine", "{sign}");

        let began = Instant::now();
        let for_ever = Step::Repeat(sign.as_bytes().to_vec(), Duration::from_millis(50));
        refused(&told(vec![events(""), for_ever.clone()], settings).await.unwrap_err(), Code::Unavailable, "MODEL_UNAVAILABLE");
        assert!(began.elapsed() > Duration::from_millis(1500), "{sign}");

        let began = Instant::now();
        let patient = settings.replace("1500ms", "60s");
        let status = told(vec![events(&delta("fi", "null")), for_ever], &patient).await.unwrap_err();
        refused(&status, Code::Unavailable, "MODEL_CUT_OFF");
        assert!(began.elapsed() < Duration::from_secs(30), "{sign}: {:?}", began.elapsed());
    }
}
