//! Parses a chunk of a stream, tolerating servers that deviate from the protocol.

use std::time::Duration;

use serde_json::Value;

use crate::model::{TokensUsed, error::ModelError, refusal, surrogates};

/// A chunk, reduced to the parts that are used.
#[derive(Debug, Default)]
pub struct Chunk {
    /// The next text.
    pub delta: Option<String>,
    /// The text of a message: all of the answer, or all of it so far.
    pub message: Option<String>,
    /// Whether halves of characters in it are stand-ins.
    pub has_stand_ins: bool,
    /// Bytes of reasoning, at least one if there is any: it is kept out of the text, but shows that the model is alive.
    pub reasoning: usize,
    /// Why the answer ends; empty if it does not.
    pub finish_reason: String,
    pub used: Option<TokensUsed>,
    /// Whether it tells how far the prompt has been read.
    pub has_progress: bool,
    /// Tokens of the prompt that were read anew so far, and the time for it, as llama.cpp reports it.
    pub read: Option<(usize, Duration)>,
    pub error: Option<ModelError>,
}

impl Chunk {
    /// Parses a chunk's JSON, with halves of characters; `None` if it is no JSON.
    pub fn parse(json: &str) -> Option<Chunk> {
        if let Ok(value) = serde_json::from_str(json) {
            return Some(Chunk::read(&value));
        }
        let value = serde_json::from_str(&surrogates::with_stand_ins(json)?).ok()?;
        Some(Chunk { has_stand_ins: true, ..Chunk::read(&value) })
    }

    /// Reads a chunk. Missing, null and unknown fields are ignored.
    pub fn read(value: &Value) -> Chunk {
        // One error comes in a list.
        let value = value.get(0).unwrap_or(value);
        let choice = value.pointer("/choices/0").unwrap_or(&Value::Null);
        let (delta, message) = (&choice["delta"], &choice["message"]);
        let spoken = if delta.is_object() { delta } else { message };
        let reasoning = ["reasoning_content", "reasoning", "reasoning_details", "thinking"].map(|key| match &spoken[key] {
            Value::String(text) => text.len(),
            Value::Array(details) => details.len(),
            _ => 0,
        });
        let parts = spoken["content"].as_array().map_or(0, |parts| parts.iter().filter(|part| !is_text(part)).count());
        let finish_reason = choice["finish_reason"].as_str().or_else(|| choice["finishReason"].as_str());
        // An error in the flat shape has no choices.
        let flat = value["choices"].is_null() && (value["object"] == "error" || !value["detail"].is_null());
        let is_error = !value["error"].is_null() || flat;
        Chunk {
            delta: text(&delta["content"]).or_else(|| text(&choice["text"])),
            message: text(&message["content"]),
            has_stand_ins: false,
            reasoning: reasoning.into_iter().max().unwrap_or(0).max(parts),
            // Some send the word for none.
            finish_reason: finish_reason.filter(|reason| !matches!(*reason, "null" | "none")).unwrap_or_default().to_owned(),
            used: used(&value["usage"]).or_else(|| used(&value["x_groq"]["usage"])),
            has_progress: value["prompt_progress"].is_object(),
            read: read(&value["timings"], "prompt_n", "prompt_ms").or_else(|| read(&value["prompt_progress"], "processed", "time_ms")),
            error: is_error.then(|| refusal::meaning(0, false, value).unwrap_or(ModelError::Reported)),
        }
    }
}

/// A string, or the text parts of a list.
fn text(content: &Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            let texts = parts.iter().filter(|part| is_text(part)).filter_map(|part| part["text"].as_str().or_else(|| part.as_str()));
            Some(texts.collect())
        }
        _ => None,
    }
}

/// Whether a content part is text, not reasoning.
fn is_text(part: &Value) -> bool {
    matches!(part["type"].as_str(), None | Some("text" | "output_text"))
}

/// Tokens read and the time for it. Progress counts what was cached among the processed.
fn read(report: &Value, tokens: &str, time: &str) -> Option<(usize, Duration)> {
    let cached = if tokens == "processed" { report["cache"].as_u64().unwrap_or(0) } else { 0 };
    let tokens = report[tokens].as_u64()?.saturating_sub(cached);
    Some((usize::try_from(tokens).ok()?, Duration::try_from_secs_f64(report[time].as_f64()? / 1000.0).ok()?))
}

fn used(usage: &Value) -> Option<TokensUsed> {
    let count = |key: &str| usage[key].as_u64().and_then(|count| u32::try_from(count).ok());
    let (prompt, completion) = (count("prompt_tokens"), count("completion_tokens"));
    // As OpenAI, vLLM and llama.cpp report it, as DeepSeek does, and as Anthropic's endpoint does.
    let details = usage["prompt_tokens_details"]["cached_tokens"].as_u64().and_then(|count| u32::try_from(count).ok());
    let cached = details.or_else(|| count("prompt_cache_hit_tokens")).or_else(|| count("cache_read_input_tokens")).unwrap_or(0);
    (prompt.is_some() || completion.is_some()).then(|| TokensUsed {
        prompt: prompt.unwrap_or(0),
        completion: completion.unwrap_or(0),
        cached,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn deviating_dialects_are_parsed() {
        for (value, text) in [
            (json!({"choices": [{"delta": {"content": "a"}}]}), "a"),
            (
                json!({"id": "", "object": null, "created": 1.5, "choices": [{"delta": {"role": "", "content": "a"}, "finish_reason": ""}], "usage": {}}),
                "a",
            ),
            (json!({"choices": [{"delta": {"content": [{"type": "text", "text": "a"}]}}]}), "a"),
            (json!({"choices": [{"message": {"content": "a"}}]}), "a"),
            (json!({"choices": [{"delta": null}]}), ""),
            (json!({"choices": [{"delta": {"content": "a"}, "finish_reason": "null"}]}), "a"),
            (json!({"type": "ping"}), ""),
            (json!({"choices": null}), ""),
            (json!({"choices": [], "prompt_filter_results": [{}]}), ""),
            (json!([]), ""),
        ] {
            let chunk = Chunk::read(&value);
            assert_eq!(chunk.delta.or(chunk.message).unwrap_or_default(), text, "{value}");
            assert_eq!(chunk.finish_reason, "", "{value}");
            assert!(chunk.error.is_none() && chunk.used.is_none(), "{value}");
        }
    }

    #[test]
    fn ends_errors_usage_and_reasoning_are_recognized() {
        assert_eq!(Chunk::read(&json!({"choices": [{"finish_reason": "eos_token"}]})).finish_reason, "eos_token");
        assert!(Chunk::read(&json!({"error": {"message": "x"}})).error.is_some());
        assert_eq!(Chunk::read(&json!({"choices": [{"finishReason": "stop"}]})).finish_reason, "stop");
        assert!(Chunk::read(&json!({"error": "x"})).error.is_some());
        assert!(Chunk::read(&json!([{"error": {"code": 500}}])).error.is_some());
        assert!(matches!(Chunk::read(&json!({"error": {"code": "insufficient_quota"}})).error, Some(ModelError::QuotaUsedUp)));
        assert!(Chunk::read(&json!({"object": "error", "message": "x", "code": 500})).error.is_some());
        assert!(Chunk::read(&json!({"detail": [{"msg": "x"}]})).error.is_some());
        assert!(Chunk::read(&json!({"choices": [], "object": "chat.completion.chunk"})).error.is_none());
        assert_eq!(
            Chunk::read(&json!({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}})).used,
            Some(TokensUsed { prompt: 3, completion: 4, cached: 0 })
        );
        let chunk = Chunk::read(&json!({"choices": [{"delta": {"reasoning_content": "hm", "content": null}}]}));
        assert!(chunk.reasoning > 0 && chunk.delta.is_none_or(|text| text.is_empty()));
        for thinks in [
            json!({"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]}),
            json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}),
            json!({"content": [{"type": "reasoning", "text": "hm"}]}),
        ] {
            let chunk = Chunk::read(&json!({"choices": [{"delta": thinks}]}));
            assert!(chunk.reasoning > 0 && chunk.delta.is_none_or(|text| text.is_empty()), "{thinks}");
        }
    }
}
