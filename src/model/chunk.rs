//! What a piece of a stream says, however loosely its server speaks the protocol.

use serde_json::Value;

use super::TokensUsed;

/// A chunk, reduced to what counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    pub text: String,
    /// Reasoning is kept out of the text; it is a sign of life.
    pub reasoning: bool,
    /// Not empty: the answer is ending for this reason.
    pub finish_reason: String,
    pub used: Option<TokensUsed>,
    pub error: bool,
}

impl Chunk {
    /// Reads a chunk. Missing, null and foreign fields are nothing.
    pub fn read(value: &Value) -> Chunk {
        let choice = value.pointer("/choices/0").unwrap_or(&Value::Null);
        let said = [&choice["delta"], &choice["message"]].into_iter().find(|said| said.is_object()).unwrap_or(&Value::Null);
        Chunk {
            text: text(&said["content"]).or_else(|| text(&choice["text"])).unwrap_or_default(),
            reasoning: ["reasoning_content", "reasoning", "thinking"]
                .iter()
                .any(|key| said[*key].as_str().is_some_and(|text| !text.is_empty())),
            finish_reason: choice["finish_reason"].as_str().unwrap_or_default().to_owned(),
            used: used(&value["usage"]).or_else(|| used(&value["x_groq"]["usage"])),
            error: !value["error"].is_null(),
        }
    }
}

/// A string, or the text parts of a list.
fn text(content: &Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => Some(parts.iter().filter_map(|part| part["text"].as_str().or_else(|| part.as_str())).collect()),
        _ => None,
    }
}

fn used(usage: &Value) -> Option<TokensUsed> {
    let count = |key: &str| usage[key].as_u64().and_then(|count| u32::try_from(count).ok());
    let (prompt, completion) = (count("prompt_tokens"), count("completion_tokens"));
    (prompt.is_some() || completion.is_some()).then(|| TokensUsed { prompt: prompt.unwrap_or(0), completion: completion.unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn loose_dialects_are_read() {
        for (value, text) in [
            (json!({"choices": [{"delta": {"content": "a"}}]}), "a"),
            (
                json!({"id": "", "object": null, "created": 1.5, "choices": [{"delta": {"role": "", "content": "a"}, "finish_reason": ""}], "usage": {}}),
                "a",
            ),
            (json!({"choices": [{"delta": {"content": [{"type": "text", "text": "a"}]}}]}), "a"),
            (json!({"choices": [{"message": {"content": "a"}}]}), "a"),
            (json!({"choices": [{"delta": null}]}), ""),
            (json!({"choices": null}), ""),
            (json!({"choices": [], "prompt_filter_results": [{}]}), ""),
            (json!([]), ""),
        ] {
            let chunk = Chunk::read(&value);
            assert_eq!(chunk.text, text, "{value}");
            assert_eq!(chunk.finish_reason, "", "{value}");
            assert!(!chunk.error && chunk.used.is_none(), "{value}");
        }
    }

    #[test]
    fn ends_errors_usage_and_reasoning_are_seen() {
        assert_eq!(Chunk::read(&json!({"choices": [{"finish_reason": "eos_token"}]})).finish_reason, "eos_token");
        assert!(Chunk::read(&json!({"error": {"message": "x"}})).error);
        assert!(Chunk::read(&json!({"error": "x"})).error);
        assert_eq!(
            Chunk::read(&json!({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}})).used,
            Some(TokensUsed { prompt: 3, completion: 4 })
        );
        let chunk = Chunk::read(&json!({"choices": [{"delta": {"reasoning_content": "hm", "content": null}}]}));
        assert!(chunk.reasoning && chunk.text.is_empty());
    }
}
