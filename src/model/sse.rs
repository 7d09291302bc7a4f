//! A streamed answer's bytes, cut into lines and bounded.

use bytes::{Buf, Bytes, BytesMut};

/// Most bytes of an answer on the wire, all chunks with their wrapping.
pub const MAX_BYTES: usize = 4 << 20;
/// So many bytes, up to the end of an event, are read before somebody comes for them.
const MAX_AHEAD: usize = 16 << 10;
/// Most bytes of one line of a stream.
const MAX_LINE_BYTES: usize = 256 << 10;
/// The line that ends a stream, without its spaces.
const DONE: &[u8] = b"data:[DONE]";
/// A mark that some servers put before everything; the parser of events does not expect it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What was given out since its reader last came for more.
#[derive(Default)]
pub struct ReadAhead {
    bytes: usize,
    /// Whether the event that is not whole yet has data.
    has_data: bool,
    /// Whether an event with data was among it: that alone brings the reader, comments don't.
    brings: bool,
}

impl ReadAhead {
    /// How much of these lines may be given out, and whether more must wait for the reader then.
    pub fn add(&mut self, lines: &[u8]) -> (usize, bool) {
        let mut length = 0;
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            length += line.len();
            self.bytes += line.len();
            if line == b"\n" {
                self.brings |= std::mem::take(&mut self.has_data);
                if self.brings && self.bytes >= MAX_AHEAD {
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

/// An answer that is cut into its lines, each ended by a line feed, however its server ends them.
#[derive(Default)]
pub struct SseLines {
    seen: usize,
    /// Whether it was looked for a byte order mark.
    started: bool,
    /// Whether the last byte was a carriage return, whose line feed may follow.
    returned: bool,
    /// The line that has no end yet.
    begun: BytesMut,
    /// Whether one of them was [`DONE`].
    pub done: bool,
}

impl SseLines {
    /// The lines that end with this piece.
    pub fn take(&mut self, piece: &[u8]) -> std::io::Result<Bytes> {
        self.seen += piece.len();
        if self.seen > MAX_BYTES {
            return Err(std::io::Error::other("the answer is too large"));
        }
        let mut before = self.begun.len();
        if self.returned || piece.contains(&b'\r') {
            for byte in piece {
                match byte {
                    b'\n' if self.returned => {}
                    b'\r' => self.begun.extend_from_slice(b"\n"),
                    byte => self.begun.extend_from_slice(&[*byte]),
                }
                self.returned = *byte == b'\r';
            }
        } else {
            self.begun.extend_from_slice(piece);
        }
        // As soon as it can't be one any more, none is looked for: one that comes later is text.
        if !self.started && (self.begun.len() >= BYTE_ORDER_MARK.len() || !BYTE_ORDER_MARK.starts_with(&self.begun)) {
            self.started = true;
            if self.begun.starts_with(BYTE_ORDER_MARK) {
                self.begun.advance(BYTE_ORDER_MARK.len());
                before = before.saturating_sub(BYTE_ORDER_MARK.len());
            }
        }
        let end = self.begun[before..].iter().rposition(|byte| *byte == b'\n').map_or(0, |last| before + last + 1);
        let whole = self.begun.split_to(end).freeze();
        if self.begun.len() > MAX_LINE_BYTES || whole.split(|byte| *byte == b'\n').any(|line| line.len() > MAX_LINE_BYTES) {
            return Err(std::io::Error::other("a line is too large"));
        }
        self.look_at(&whole);
        Ok(whole)
    }

    /// What had no end when the answer had one: a line that is not whole, or an event without the blank line after it, which it gets.
    pub fn end(&mut self) -> Bytes {
        let last = self.begun.split().freeze();
        self.look_at(&last);
        if last.is_empty() { Bytes::from_static(b"\n") } else { last }
    }

    fn look_at(&mut self, lines: &[u8]) {
        self.done |= lines.split(|byte| *byte == b'\n').any(|line| line.iter().filter(|byte| **byte != b' ').eq(DONE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_an_answer_comes_its_lines_come_whole() {
        let answer = "\u{feff}: x\r\ndata: 1\r\r\r\n\ndata: [DONE]\n\nlast".as_bytes();
        let plain = b": x\ndata: 1\n\n\n\ndata: [DONE]\n\nlast";
        for size in 1..answer.len() {
            let mut lines = SseLines::default();
            let mut came = Vec::new();
            for piece in answer.chunks(size) {
                let whole = lines.take(piece).unwrap();
                assert!(whole.last().is_none_or(|last| *last == b'\n'), "{size}: {whole:?}");
                came.extend_from_slice(&whole);
            }
            assert!(lines.done, "{size}");
            came.extend_from_slice(&lines.end());
            assert_eq!(came, plain, "{size}");
        }
        let mut unfinished = SseLines::default();
        unfinished.take(b"data: [DO").unwrap();
        assert!(!unfinished.done);
        unfinished.take(b"NE]").unwrap();
        unfinished.end();
        assert!(unfinished.done);
    }

    #[test]
    fn a_byte_order_mark_is_one_at_the_beginning_alone() {
        for answer in ["\n\u{feff}data: 1\n", "d\n\u{feff}\n"].map(str::as_bytes) {
            for size in 1..=answer.len() {
                let mut lines = SseLines::default();
                let came: Vec<u8> = answer.chunks(size).flat_map(|piece| lines.take(piece).unwrap()).collect();
                assert_eq!(came, answer, "in pieces of {size}");
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
        assert_eq!(ahead.add(b"\n"), (1, true), "a long event is given out whole");
    }

    #[test]
    fn a_line_without_an_end_has_one() {
        for size in [1000, MAX_LINE_BYTES * 2] {
            let mut lines = SseLines::default();
            let taken = (0..MAX_LINE_BYTES / size + 2).try_for_each(|_| lines.take(&vec![b'x'; size]).map(drop));
            assert!(taken.is_err(), "{size}");
        }
    }
}
