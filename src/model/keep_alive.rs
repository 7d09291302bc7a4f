//! Recognizes what servers and proxies send as data only to keep a connection open.

/// Longest text that is taken for one, in bytes.
const MAX_LENGTH: usize = 200;
const WORDS: [&str; 4] = ["ping", "pong", "keepalive", "heartbeat"];

/// Whether a text, an event's data or its name, only keeps the connection open: nothing, a comment, or a word such as `ping`, in any spelling
/// and with anything after it. JSON objects are not asked about: one without `choices` and `error` says nothing anyway.
pub fn is_keep_alive(text: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(text.trim_ascii()) else { return false };
    if text.is_empty() || text.starts_with(':') {
        return true;
    }
    let begin = text.trim_start_matches(|letter: char| letter.is_ascii_punctuation());
    let begin = begin.to_ascii_lowercase().replace("keep alive", "keepalive");
    let word = begin.split(|letter: char| !letter.is_ascii_alphabetic() && letter != '-' && letter != '_').next().unwrap_or_default();
    text.len() <= MAX_LENGTH && WORDS.contains(&word.replace(['-', '_'], "").as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keep_alives_are_told_from_other_text() {
        for text in [
            "",
            " ",
            ": OPENROUTER PROCESSING",
            ":",
            "ping",
            " PING ",
            "ping - 2026-11-26 10:00:00+00:00",
            "\"ping\"",
            "keep-alive",
            "keep_alive",
            "Keep Alive",
            "[KEEPALIVE]",
            "heartbeat 17",
            "pong",
        ] {
            assert!(is_keep_alive(text.as_bytes()), "{text}");
        }
        for text in ["pingback", "keep", "junk", "upstream error", "7", "null", "alive", "<html>"] {
            assert!(!is_keep_alive(text.as_bytes()), "{text}");
        }
        assert!(!is_keep_alive(&[b"ping ", &[b'x'; MAX_LENGTH][..]].concat()));
    }
}
