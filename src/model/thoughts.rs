//! Models that think aloud between tags at the beginning of their text: that is no part of a reply.

const OPENS: &str = "<think>";
const CLOSES: &str = "</think>";

/// Keeps thoughts out of a text that comes in pieces.
#[derive(Default)]
pub struct Thoughts {
    state: State,
    /// What may be the beginning of a tag.
    held: String,
}

#[derive(Default, PartialEq, Eq)]
enum State {
    #[default]
    Unknown,
    Inside,
    /// The white space before the text.
    Between,
    Past,
}

impl Thoughts {
    /// What of the next piece belongs to the text.
    pub fn without(&mut self, piece: String) -> String {
        match self.state {
            State::Past => return piece,
            State::Between => {
                let text = piece.trim_start().to_owned();
                if !text.is_empty() {
                    self.state = State::Past;
                }
                return text;
            }
            State::Unknown | State::Inside => {}
        }
        self.held.push_str(&piece);
        if self.state == State::Unknown {
            let begins = self.held.trim_start();
            if let Some(thought) = begins.strip_prefix(OPENS) {
                self.held = thought.to_owned();
                self.state = State::Inside;
            } else if OPENS.starts_with(begins) {
                return String::new();
            } else {
                self.state = State::Past;
                return std::mem::take(&mut self.held);
            }
        }
        if let Some((_, text)) = self.held.split_once(CLOSES) {
            let text = text.trim_start().to_owned();
            self.state = if text.is_empty() { State::Between } else { State::Past };
            return text;
        }
        let mut from = self.held.len().saturating_sub(CLOSES.len());
        while !self.held.is_char_boundary(from) {
            from -= 1;
        }
        self.held.drain(..from);
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_are_kept_out_however_they_are_cut() {
        for (text, left) in [
            ("<think>He wants é…</think>\n\nfine", "fine"),
            (" \n<think></think>fine <think>", "fine <think>"),
            ("<b>fine</b>", "<b>fine</b>"),
            ("  fine", "  fine"),
            ("<think>never ends", ""),
        ] {
            for size in 1..8 {
                let letters: Vec<char> = text.chars().collect();
                let mut thoughts = Thoughts::default();
                let told: String = letters.chunks(size).map(|piece| thoughts.without(piece.iter().collect())).collect();
                assert_eq!(told, left, "{text} in pieces of {size}");
            }
        }
    }
}
