//! Splits a streamed answer (server-sent events) into lines, within size limits.

use bytes::{Buf, Bytes, BytesMut};

/// Largest answer on the wire in bytes, with the framing of all chunks.
pub const MAX_BYTES: usize = 4 << 20;
/// How far to read ahead of the reader, in bytes, rounded up to the end of an event.
const MAX_AHEAD: usize = 16 << 10;
/// Longest line of a stream, in bytes.
const MAX_LINE_BYTES: usize = 256 << 10;
/// The line that ends a stream, without its spaces.
const DONE: &[u8] = b"data:[DONE]";
/// A mark that some servers send first; the SSE parser does not expect it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Counts the bytes released since the reader last waited for more.
#[derive(Default)]
pub struct ReadAhead {
    bytes: usize,
    /// Whether the unfinished event has data.
    has_data: bool,
    /// Whether an event with data was among them: only such events wake the reader, comments don't.
    wakes_reader: bool,
}

impl ReadAhead {
    /// How many bytes of these lines may be released, and whether the rest must wait for the reader.
    pub fn add(&mut self, lines: &[u8]) -> (usize, bool) {
        let mut length = 0;
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            length += line.len();
            self.bytes += line.len();
            if line == b"\n" {
                self.wakes_reader |= std::mem::take(&mut self.has_data);
                if self.wakes_reader && self.bytes >= MAX_AHEAD {
                    *self = ReadAhead::default();
                    return (length, true);
                }
            } else if let Some(data) = line.strip_prefix(b"data") {
                self.has_data |= !data.iter().all(|byte| matches!(byte, b':' | b' ' | b'\n'));
            }
        }
        (length, false)
    }
}

/// Splits an answer into lines and ends each with a line feed, whatever line ending its server uses.
#[derive(Default)]
pub struct SseLines {
    seen: usize,
    /// Whether the check for a byte order mark is done.
    bom_checked: bool,
    /// Whether the last byte was a carriage return, whose line feed may follow.
    after_return: bool,
    /// The unfinished line.
    partial: BytesMut,
    /// Whether one of the lines was [`DONE`].
    pub done: bool,
}

impl SseLines {
    /// Takes a chunk, and returns the lines that are complete with it.
    pub fn take(&mut self, chunk: &[u8]) -> std::io::Result<Bytes> {
        self.seen += chunk.len();
        if self.seen > MAX_BYTES {
            return Err(std::io::Error::other("the answer is too large"));
        }
        let mut before = self.partial.len();
        if self.after_return || chunk.contains(&b'\r') {
            for byte in chunk {
                match byte {
                    b'\n' if self.after_return => {}
                    b'\r' => self.partial.extend_from_slice(b"\n"),
                    byte => self.partial.extend_from_slice(&[*byte]),
                }
                self.after_return = *byte == b'\r';
            }
        } else {
            self.partial.extend_from_slice(chunk);
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
        let whole = self.partial.split_to(end).freeze();
        if self.partial.len() > MAX_LINE_BYTES || whole.split(|byte| *byte == b'\n').any(|line| line.len() > MAX_LINE_BYTES) {
            return Err(std::io::Error::other("a line of the answer is too large"));
        }
        self.check_done(&whole);
        Ok(whole)
    }

    /// The rest at the end of the answer: an unfinished line, or else a blank line, for a last event that lacks one.
    pub fn end(&mut self) -> Bytes {
        let last = self.partial.split().freeze();
        self.check_done(&last);
        if last.is_empty() { Bytes::from_static(b"\n") } else { last }
    }

    fn check_done(&mut self, lines: &[u8]) {
        self.done |= lines.split(|byte| *byte == b'\n').any(|line| line.iter().filter(|byte| **byte != b' ').eq(DONE));
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
            let mut lines = SseLines::default();
            let mut output = Vec::new();
            for chunk in answer.chunks(size) {
                let whole = lines.take(chunk).unwrap();
                assert!(whole.last().is_none_or(|last| *last == b'\n'), "{size}: {whole:?}");
                output.extend_from_slice(&whole);
            }
            assert!(lines.done, "{size}");
            output.extend_from_slice(&lines.end());
            assert_eq!(output, plain, "{size}");
        }
        let mut unfinished = SseLines::default();
        unfinished.take(b"data: [DO").unwrap();
        assert!(!unfinished.done);
        unfinished.take(b"NE]").unwrap();
        unfinished.end();
        assert!(unfinished.done);
    }

    #[test]
    fn a_byte_order_mark_is_stripped_only_at_the_beginning() {
        for answer in ["\n\u{feff}data: 1\n", "d\n\u{feff}\n"].map(str::as_bytes) {
            for size in 1..=answer.len() {
                let mut lines = SseLines::default();
                let output: Vec<u8> = answer.chunks(size).flat_map(|chunk| lines.take(chunk).unwrap()).collect();
                assert_eq!(output, answer, "in chunks of {size}");
            }
        }
    }

    #[test]
    fn events_wait_for_their_reader_and_comments_do_not() {
        let event = b"data: {\"choices\":[]}\n\n";
        let flood = event.repeat(10_000);
        let mut ahead = ReadAhead::default();
        let (mut rest, mut waits) = (&flood[..], 0);
        while !rest.is_empty() {
            let (length, waited) = ahead.add(rest);
            assert!(length < MAX_AHEAD + event.len() && rest[..length].ends_with(b"\n\n"), "{length}");
            rest = &rest[length..];
            waits += usize::from(waited);
        }
        assert_eq!(waits, flood.len() / (MAX_AHEAD + event.len() / 2));
        for quiet in [&b": ping\n\n"[..], b"data:\n\n", b"data\n\n", b"id: 1\n\n", b"data: one event\n"] {
            let quiet = quiet.repeat(10_000);
            assert_eq!(ReadAhead::default().add(&quiet), (quiet.len(), false));
        }
        let mut ahead = ReadAhead::default();
        let line = [b"data: ", &[b'x'; 3 * MAX_AHEAD][..], b"\n"].concat();
        assert_eq!(ahead.add(&line), (line.len(), false));
        assert_eq!(ahead.add(b"\n"), (1, true), "a long event is released whole");
    }

    #[test]
    fn an_endless_line_is_refused() {
        for size in [1000, MAX_LINE_BYTES * 2] {
            let mut lines = SseLines::default();
            let taken = (0..MAX_LINE_BYTES / size + 2).try_for_each(|_| lines.take(&vec![b'x'; size]).map(drop));
            assert!(taken.is_err(), "{size}");
        }
    }
}
