//! Filters reasoning that models write between `<think>` tags at the beginning of their text: it is not part of the reply.

const OPENS: &str = "<think>";
const CLOSES: &str = "</think>";

/// Strips reasoning from a streamed text.
#[derive(Default)]
pub struct ReasoningFilter {
    state: State,
    /// Text that is held back: a possible beginning of a tag, or reasoning that is only assumed.
    held: String,
}

#[derive(Default, PartialEq, Eq)]
enum State {
    #[default]
    Unknown,
    /// Assumed to be reasoning, without an opening tag.
    Assumed,
    /// In the reasoning.
    Inside,
    /// In the white space between the reasoning and the text.
    Between,
    /// In the text.
    Past,
}

/// The text returned so far was reasoning: a closing tag came without an opening one.
#[derive(Debug, PartialEq, Eq)]
pub struct UnopenedReasoning;

impl ReasoningFilter {
    /// With some prompt templates the opening tag is in the prompt, so that the model writes only the closing one. `assumed`: the model did so
    /// before, and is assumed to do it again.
    pub fn new(assumed: bool) -> ReasoningFilter {
        ReasoningFilter { state: if assumed { State::Assumed } else { State::Unknown }, held: String::new() }
    }

    /// Returns the part of the next chunk that belongs to the text.
    pub fn strip(&mut self, chunk: String) -> Result<String, UnopenedReasoning> {
        if self.state == State::Past && self.held.is_empty() && !chunk.contains('<') {
            return Ok(chunk);
        }
        self.held.push_str(&chunk);
        if matches!(self.state, State::Unknown | State::Assumed) {
            let start = self.held.trim_start();
            if let Some(reasoning) = start.strip_prefix(OPENS) {
                self.held = reasoning.to_owned();
                self.state = State::Inside;
            } else if self.state == State::Unknown && !OPENS.starts_with(start) && !self.held.contains(CLOSES) {
                self.state = State::Past;
            }
        }
        match self.state {
            State::Past => self.text(),
            State::Between => self.after(),
            State::Unknown | State::Assumed | State::Inside => {
                if let Some((_, text)) = self.held.split_once(CLOSES) {
                    self.held = text.to_owned();
                    return self.after();
                }
                if self.state == State::Inside {
                    self.held.drain(..length_without_partial_tag(&self.held));
                }
                Ok(String::new())
            }
        }
    }

    /// The text that is still held back when the answer ends.
    pub fn rest(&mut self) -> String {
        match self.state {
            State::Inside | State::Between => String::new(),
            State::Unknown | State::Assumed | State::Past => std::mem::take(&mut self.held),
        }
    }

    /// Whether reasoning is still only assumed: no closing tag has come.
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
        let partial_tag = self.held.split_off(length_without_partial_tag(&self.held));
        Ok(std::mem::replace(&mut self.held, partial_tag))
    }
}

/// Length of a text without a possible beginning of the closing tag at its end.
fn length_without_partial_tag(text: &str) -> usize {
    let partial = (1..CLOSES.len()).rev().find(|length| text.ends_with(&CLOSES[..*length]));
    text.len() - partial.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Filters a text in chunks of a size.
    fn filtered(text: &str, assumed: bool, size: usize) -> Result<String, UnopenedReasoning> {
        let letters: Vec<char> = text.chars().collect();
        let mut filter = ReasoningFilter::new(assumed);
        let mut text = String::new();
        for chunk in letters.chunks(size) {
            text.push_str(&filter.strip(chunk.iter().collect())?);
        }
        Ok(text + &filter.rest())
    }

    #[test]
    fn reasoning_is_stripped_whatever_the_chunk_size() {
        for (text, left) in [
            ("<think>He wants é…</think>\n\nfine", "fine"),
            (" \n<think></think>fine <think>", "fine <think>"),
            ("<b>fine</b>", "<b>fine</b>"),
            ("  fine", "  fine"),
            ("fine </thin", "fine </thin"),
            ("<think>never ends", ""),
        ] {
            for size in 1..8 {
                assert_eq!(filtered(text, false, size).as_deref(), Ok(left), "{text} in chunks of {size}");
            }
        }
    }

    #[test]
    fn reasoning_without_an_opening_tag_is_recognized_by_its_closing_tag() {
        let text = "He wants é…</think>\n\nfine";
        assert_eq!(filtered(text, false, 100).as_deref(), Ok("fine"));
        for size in 1..8 {
            assert_eq!(filtered(text, false, size), Err(UnopenedReasoning), "in chunks of {size}");
            assert_eq!(filtered(text, true, size).as_deref(), Ok("fine"), "in chunks of {size}");
            assert_eq!(filtered(&format!("<think>{text}"), true, size).as_deref(), Ok("fine"), "in chunks of {size}");
            assert_eq!(filtered("fine", true, size).as_deref(), Ok("fine"), "in chunks of {size}");
        }
    }
}
