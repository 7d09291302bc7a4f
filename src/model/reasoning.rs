//! Models that think aloud between tags at the beginning of their text: that is no part of a reply.

const OPENS: &str = "<think>";
const CLOSES: &str = "</think>";

/// Keeps thoughts out of a text that comes in pieces.
#[derive(Default)]
pub struct ReasoningFilter {
    state: State,
    /// What may be the beginning of a tag; while it is assumed to be one, the thought.
    held: String,
}

#[derive(Default, PartialEq, Eq)]
enum State {
    #[default]
    Unknown,
    /// Inside, it seems, though no tag said so.
    Assumed,
    Permit,
    /// The white space before the text.
    Between,
    Past,
}

/// What was given out were thoughts: they ended without having begun.
#[derive(Debug, PartialEq, Eq)]
pub struct UnopenedReasoning;

impl ReasoningFilter {
    /// Some templates of prompts open the thought, so that the model only closes it. Where one did so before, it is `assumed` to do it again.
    pub fn new(assumed: bool) -> ReasoningFilter {
        ReasoningFilter { state: if assumed { State::Assumed } else { State::Unknown }, held: String::new() }
    }

    /// What of the next piece belongs to the text.
    pub fn without(&mut self, piece: String) -> Result<String, UnopenedReasoning> {
        if self.state == State::Past && self.held.is_empty() && !piece.contains('<') {
            return Ok(piece);
        }
        self.held.push_str(&piece);
        if matches!(self.state, State::Unknown | State::Assumed) {
            let begins = self.held.trim_start();
            if let Some(thought) = begins.strip_prefix(OPENS) {
                self.held = thought.to_owned();
                self.state = State::Permit;
            } else if self.state == State::Unknown && !OPENS.starts_with(begins) && !self.held.contains(CLOSES) {
                self.state = State::Past;
            }
        }
        match self.state {
            State::Past => self.text(),
            State::Between => self.after(),
            State::Unknown | State::Assumed | State::Permit => {
                if let Some((_, text)) = self.held.split_once(CLOSES) {
                    self.held = text.to_owned();
                    return self.after();
                }
                if self.state == State::Permit {
                    self.held.drain(..without_begun_tag(&self.held));
                }
                Ok(String::new())
            }
        }
    }

    /// What is still held when the answer ends, and belongs to the text.
    pub fn rest(&mut self) -> String {
        match self.state {
            State::Permit | State::Between => String::new(),
            State::Unknown | State::Assumed | State::Past => std::mem::take(&mut self.held),
        }
    }

    /// Whether no end has come of a thought that was assumed.
    pub fn is_assumed(&self) -> bool {
        self.state == State::Assumed
    }

    fn after(&mut self) -> Result<String, UnopenedReasoning> {
        self.held = self.held.trim_start().to_owned();
        self.state = if self.held.is_empty() { State::Between } else { State::Past };
        self.text()
    }

    fn text(&mut self) -> Result<String, UnopenedReasoning> {
        if self.held.contains(CLOSES) {
            return Err(UnopenedReasoning);
        }
        let begun_tag = self.held.split_off(without_begun_tag(&self.held));
        Ok(std::mem::replace(&mut self.held, begun_tag))
    }
}

/// How long a text is without what may be the beginning of the closing tag at its end.
fn without_begun_tag(text: &str) -> usize {
    let begun = (1..CLOSES.len()).rev().find(|length| text.ends_with(&CLOSES[..*length]));
    text.len() - begun.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of a text in pieces of each size.
    fn told(text: &str, assumed: bool, size: usize) -> Result<String, UnopenedReasoning> {
        let letters: Vec<char> = text.chars().collect();
        let mut thoughts = ReasoningFilter::new(assumed);
        let mut told = String::new();
        for piece in letters.chunks(size) {
            told.push_str(&thoughts.without(piece.iter().collect())?);
        }
        Ok(told + &thoughts.rest())
    }

    #[test]
    fn thoughts_are_kept_out_however_they_are_cut() {
        for (text, left) in [
            ("<think>He wants é…</think>\n\nfine", "fine"),
            (" \n<think></think>fine <think>", "fine <think>"),
            ("<b>fine</b>", "<b>fine</b>"),
            ("  fine", "  fine"),
            ("fine </thin", "fine </thin"),
            ("<think>never ends", ""),
        ] {
            for size in 1..8 {
                assert_eq!(told(text, false, size).as_deref(), Ok(left), "{text} in pieces of {size}");
            }
        }
    }

    #[test]
    fn thoughts_without_a_beginning_are_known_by_their_end() {
        let text = "He wants é…</think>\n\nfine";
        assert_eq!(told(text, false, 100).as_deref(), Ok("fine"));
        for size in 1..8 {
            assert_eq!(told(text, false, size), Err(UnopenedReasoning), "in pieces of {size}");
            assert_eq!(told(text, true, size).as_deref(), Ok("fine"), "in pieces of {size}");
            assert_eq!(told(&format!("<think>{text}"), true, size).as_deref(), Ok("fine"), "in pieces of {size}");
            assert_eq!(told("fine", true, size).as_deref(), Ok("fine"), "in pieces of {size}");
        }
    }
}
