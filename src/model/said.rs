//! Tells new text in a stream from text that it repeats: servers send the message so far, or the whole message at the end, beside deltas.

use crate::model::{error::ModelError, surrogates::is_stand_in};

/// What a stream has said so far.
#[derive(Default)]
pub struct Said {
    text: String,
    /// Whether any of it came as a delta.
    pub has_deltas: bool,
    /// Whether messages bring all of the text so far.
    is_cumulative: bool,
}

impl Said {
    /// The new text of a chunk with a delta, a message, or both. Where deltas gave the text, a message adds at most what it has beyond them.
    /// Without deltas, messages are the text: pieces of it, or all of it so far. `Err`: what was said is no beginning of what is said now.
    pub fn new_text(&mut self, delta: Option<String>, message: Option<String>) -> Result<String, ModelError> {
        let mut text = delta.unwrap_or_default();
        self.has_deltas |= !text.is_empty();
        self.text.push_str(&text);
        if let Some(message) = message {
            let more = self.beyond(&message)?.to_owned();
            self.text.push_str(&more);
            if text.is_empty() {
                text = more;
            } else {
                text.push_str(&more);
            }
        }
        Ok(text)
    }

    /// What a message has beyond what was said.
    fn beyond<'a>(&mut self, message: &'a str) -> Result<&'a str, ModelError> {
        // Where the message so far is sent, its last character may be unfinished.
        let message = message.trim_end_matches(|letter| letter == char::REPLACEMENT_CHARACTER || is_stand_in(letter));
        let said = self.text.as_str();
        if let Some(more) = message.strip_prefix(said) {
            self.is_cumulative |= !said.is_empty() && !more.is_empty();
            return Ok(more);
        }
        if self.has_deltas {
            return Ok(message.trim_start().strip_prefix(said.trim_start()).unwrap_or_default());
        }
        match self.is_cumulative {
            false => Ok(message),
            // The last one may be trimmed.
            true if message.len() <= said.len() => Ok(""),
            true => Err(ModelError::Garbled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of chunks, each a delta and a message, empty for none.
    fn said(chunks: &[(&str, &str)]) -> Option<String> {
        let mut said = Said::default();
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        chunks.iter().map(|(delta, message)| said.new_text(some(delta), some(message)).ok()).collect()
    }

    #[test]
    fn repetitions_are_dropped_and_nothing_else() {
        for (chunks, text) in [
            (&[("Good ", ""), ("day", ""), ("", "Good day")][..], "Good day"),
            (&[(" Good ", ""), ("day\n", ""), ("", "Good day")], " Good day\n"),
            (&[("Good ", ""), ("", "Good day")], "Good day"),
            (&[(" Good ", ""), ("", "Good day")], " Good day"),
            (&[("Good ", "Good "), ("day", "Good day")], "Good day"),
            (&[("Good ", "Good "), ("day", "day")], "Good day"),
            (&[("<think>x</think>Good", ""), ("", "Good")], "<think>x</think>Good"),
            (&[("ha", ""), ("ha", "")], "haha"),
            (&[("", "Good day")], "Good day"),
            (&[("", "Good day"), ("", "Good day")], "Good day"),
            (&[("", "Good"), ("", "Good day"), ("", "Good day")], "Good day"),
            (&[("", "caf\u{fffd}"), ("", "café"), ("", "café")], "café"),
            (&[("", "Good "), ("", "Good day "), ("", "Good day")], "Good day "),
            (&[("", "no"), ("", " no"), ("", "n")], "no non"),
            (&[("", "Good"), ("", " day"), ("", "Good day")], "Good day"),
        ] {
            assert_eq!(said(chunks).as_deref(), Some(text), "{chunks:?}");
        }
        assert_eq!(said(&[("", "Good"), ("", "Good day"), ("", "A better day")]), None);
    }
}
