//! Filters reasoning that models write between tags such as `<think>` at the beginning of their text: it is not part of the reply.

/// The tags of the model families that write their reasoning into the text: opening and closing tag.
const TAGS: [(&str, &str); 9] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    // The reply stands in the channel `final`, after others.
    ("<|channel|>", "final<|message|>"),
];
/// What a tag begins with.
const TAG_BEGINS: [char; 3] = ['<', '[', '◁'];

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
    /// In the reasoning, until this closing tag.
    Inside(&'static str),
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
        if self.state == State::Past && self.held.is_empty() && !chunk.contains(TAG_BEGINS) {
            return Ok(chunk);
        }
        self.held.push_str(&chunk);
        if matches!(self.state, State::Unknown | State::Assumed) {
            let start = self.held.trim_start();
            let start = start.strip_prefix("<|start|>assistant").unwrap_or(start);
            if let Some((open, close)) = TAGS.iter().find(|(open, _)| start.starts_with(open)) {
                self.held = start[open.len()..].to_owned();
                self.state = State::Inside(close);
            } else if self.state == State::Unknown && !may_open(start) && first_close(&self.held).is_none() {
                self.state = State::Past;
            }
        }
        match self.state {
            State::Past => self.text(),
            State::Between => self.after(),
            State::Unknown | State::Assumed => match first_close(&self.held) {
                Some(end) => {
                    self.held.drain(..end);
                    self.after()
                }
                None => Ok(String::new()),
            },
            State::Inside(close) => {
                if let Some((_, text)) = self.held.split_once(close) {
                    self.held = text.to_owned();
                    return self.after();
                }
                self.held.drain(..length_without_partial_tag(&self.held, &[close]));
                Ok(String::new())
            }
        }
    }

    /// The text that is still held back when the answer ends.
    pub fn rest(&mut self) -> String {
        match self.state {
            State::Inside(_) | State::Between => String::new(),
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
        if first_close(&self.held).is_some() {
            return Err(UnopenedReasoning);
        }
        let partial_tag = self.held.split_off(length_without_partial_tag(&self.held, &CLOSES));
        Ok(std::mem::replace(&mut self.held, partial_tag))
    }
}

/// The closing tags that tell reasoning whose opening tag stood in the prompt. What follows a channel's name is none of them.
const CLOSES: [&str; 8] = {
    let mut closes = [""; 8];
    let mut at = 0;
    while at < closes.len() {
        closes[at] = TAGS[at].1;
        at += 1;
    }
    closes
};

/// Where the first of the closing tags in a text ends.
fn first_close(text: &str) -> Option<usize> {
    CLOSES.iter().filter_map(|close| text.find(close).map(|at| at + close.len())).min()
}

/// Whether a text may go on as an opening tag.
fn may_open(start: &str) -> bool {
    TAGS.iter().map(|(open, _)| *open).chain(["<|start|>assistant"]).any(|open| open.starts_with(start))
}

/// Length of a text without a possible beginning of a closing tag at its end.
fn length_without_partial_tag(text: &str, closes: &[&str]) -> usize {
    let partial = |close: &&str| {
        (1..close.len()).rev().find(|length| close.is_char_boundary(*length) && text.ends_with(&close[..*length])).unwrap_or(0)
    };
    text.len() - closes.iter().map(partial).max().unwrap_or(0)
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
            ("<thinking>x</thinking>fine", "fine"),
            ("[THINK]x <b>[/THINK]\nfine [1]", "fine [1]"),
            ("◁think▷x◁/think▷fine", "fine"),
            ("<|channel|>analysis<|message|>x<|end|><|start|>assistant<|channel|>final<|message|>fine", "fine"),
            ("<|start|>assistant<|channel|>final<|message|>fine", "fine"),
            ("[form] is final<|message|>", "[form] is final<|message|>"),
        ] {
            for size in 1..12 {
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
