//! Splits an answer into lines.

use bytes::{Buf, Bytes, BytesMut};

/// Largest answer on the wire in bytes, with the framing of all chunks.
pub const MAX_BYTES: usize = 4 << 20;
/// A mark that some servers send first; it is no part of the first line.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Splits an answer into lines and ends each with a line feed, whatever line ending its server uses.
#[derive(Default)]
pub struct Lines {
    seen: usize,
    /// Whether the check for a byte order mark is done.
    bom_checked: bool,
    /// Whether the last byte was a carriage return, whose line feed may follow.
    after_return: bool,
    /// The unfinished line.
    partial: BytesMut,
}

impl Lines {
    /// Takes bytes, and returns the lines that are complete with them.
    pub fn take(&mut self, bytes: &[u8]) -> std::io::Result<Bytes> {
        self.seen += bytes.len();
        if self.seen > MAX_BYTES {
            return Err(std::io::Error::other("the answer is too large"));
        }
        let mut before = self.partial.len();
        if self.after_return || bytes.contains(&b'\r') {
            for byte in bytes {
                match byte {
                    b'\n' if self.after_return => {}
                    b'\r' => self.partial.extend_from_slice(b"\n"),
                    byte => self.partial.extend_from_slice(&[*byte]),
                }
                self.after_return = *byte == b'\r';
            }
        } else {
            self.partial.extend_from_slice(bytes);
        }
        // Only the very beginning can be a byte order mark: a later one is text.
        if !self.bom_checked && (self.partial.len() >= BYTE_ORDER_MARK.len() || !BYTE_ORDER_MARK.starts_with(&self.partial)) {
            self.bom_checked = true;
            if self.partial.starts_with(BYTE_ORDER_MARK) {
                self.partial.advance(BYTE_ORDER_MARK.len());
                before = before.saturating_sub(BYTE_ORDER_MARK.len());
            }
        }
        let end = self.partial[before..].iter().rposition(|byte| *byte == b'\n').map_or(0, |last| before + last + 1);
        Ok(self.partial.split_to(end).freeze())
    }

    /// The unfinished line.
    pub fn partial(&self) -> &[u8] {
        &self.partial
    }

    /// The unfinished line at the end of the answer.
    pub fn end(&mut self) -> Bytes {
        self.partial.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_whatever_the_chunk_size() {
        let answer = "\u{feff}: x\r\ndata: 1\r\r\r\n\ndata: [DONE]\n\nlast".as_bytes();
        let plain = b": x\ndata: 1\n\n\n\ndata: [DONE]\n\nlast";
        for size in 1..answer.len() {
            let mut lines = Lines::default();
            let mut output = Vec::new();
            for chunk in answer.chunks(size) {
                let whole = lines.take(chunk).unwrap();
                assert!(whole.last().is_none_or(|last| *last == b'\n'), "{size}: {whole:?}");
                output.extend_from_slice(&whole);
            }
            output.extend_from_slice(&lines.end());
            assert_eq!(output, plain, "{size}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_stripped_only_at_the_beginning() {
        for answer in ["\n\u{feff}data: 1\n", "d\n\u{feff}\n"].map(str::as_bytes) {
            for size in 1..=answer.len() {
                let mut lines = Lines::default();
                let output: Vec<u8> = answer.chunks(size).flat_map(|chunk| lines.take(chunk).unwrap()).collect();
                assert_eq!(output, answer, "in chunks of {size}");
            }
        }
    }

    #[test]
    fn an_endless_answer_is_refused() {
        let mut lines = Lines::default();
        assert!((0..MAX_BYTES / 1000 + 2).try_for_each(|_| lines.take(&[b'\n'; 1000]).map(drop)).is_err());
    }
}
