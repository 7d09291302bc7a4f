//! When an answer counts as whole.

/// What a stream has said of its end. A finish reason counts at a proper end of the stream. Where the stream breaks or falls silent, it counts
/// only if the server is one that gives it once, at the end: some servers send one with every chunk.
#[derive(Default)]
pub struct Finish {
    reason: String,
    /// Whether the reason counts although the stream did not end properly.
    holds: bool,
    /// Whether a chunk had text and no reason: the server tells the last chunk from the others.
    text_without_reason: bool,
    /// Whether text followed a reason.
    contradicted: bool,
}

impl Finish {
    /// Reads the next chunk: whether it carries new text or reasoning, and its finish reason, empty if it has none.
    pub fn read(&mut self, has_text: bool, reason: &str) {
        let has_reason = !reason.is_empty();
        if has_text {
            self.contradicted |= !self.reason.is_empty();
            self.reason.clear();
            self.text_without_reason |= !has_reason;
        }
        if has_reason {
            reason.clone_into(&mut self.reason);
            self.holds = !self.contradicted && (!has_text || self.text_without_reason);
        }
    }

    /// Why the answer ends, in lower case; empty if nothing said so, or if text followed.
    pub fn reason(&self) -> String {
        self.reason.to_lowercase()
    }

    /// Whether the answer is whole although its stream did not end properly.
    pub fn holds(&self) -> bool {
        !self.reason.is_empty() && self.holds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finish_reason_counts_with_the_end_of_the_stream() {
        for (chunks, reason, holds) in [
            (&[(true, ""), (false, "stop")][..], "stop", true),
            (&[(true, ""), (true, "STOP")], "stop", true),
            (&[(true, ""), (false, "stop"), (false, "")], "stop", true),
            (&[(true, ""), (false, "stop"), (false, "stop")], "stop", true),
            // One with every chunk.
            (&[(true, "stop")], "stop", false),
            (&[(true, "length"), (true, "length")], "length", false),
            (&[(false, "stop"), (true, "stop")], "stop", false),
            (&[(true, "stop"), (true, "stop"), (false, "stop")], "stop", false),
            // Text after it.
            (&[(true, ""), (false, "stop"), (true, "")], "", false),
            (&[(true, ""), (true, "stop"), (true, "")], "", false),
            (&[(true, "")], "", false),
        ] {
            let mut finish = Finish::default();
            for (has_text, reason) in chunks {
                finish.read(*has_text, reason);
            }
            assert_eq!((finish.reason().as_str(), finish.holds()), (reason, holds), "{chunks:?}");
        }
    }
}
