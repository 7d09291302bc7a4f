//! Servers with their own dialects of the chat completions protocol, as their documentation and users' reports show them.

use deskhand::{api::pb, config::ModelConfig};
use serde_json::Value;
use toml::Table;
use tonic::Code;

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
    let answered = desk.retone("Wait.", pb::Tone::Formal).await.unwrap();
    desk.close().await;
    (answered.finished, model.asked().remove(0))
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

#[tokio::test]
async fn llama_cpp() {
    let finished = says_fine(": ping\n\ndata: {\"choices\":[{\"finish_reason\":null,\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null}}],\"created\":1}\n\n: ping\n\ndata: {\"choices\":[{\"finish_reason\":null,\"index\":0,\"delta\":{\"content\":\"fine\"}}]}\n\ndata: {\"choices\":[{\"finish_reason\":\"stop\",\"index\":0,\"delta\":{}}],\"timings\":{\"prompt_n\":3}}\n\ndata: {\"choices\":[],\"usage\":{\"completion_tokens\":1,\"prompt_tokens\":7,\"total_tokens\":8}}\n\ndata: [DONE]\n\n").await;
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
