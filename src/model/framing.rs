//! Finds the chunks in an answer's bytes, whatever frames them: server-sent events, lines of JSON, or one JSON over many lines. The content type
//! is not believed, since servers and the proxies in front of them often send a wrong one.

use std::io;

use bytes::Bytes;

use crate::model::{
    keep_alive::is_keep_alive,
    lines::{Lines, MAX_BYTES},
};

/// Longest line in bytes. The first JSON that comes without `data:` may be longer, since it may be the whole answer.
const MAX_LINE_BYTES: usize = 256 << 10;

/// Reads an answer, and returns each chunk as one event of one line: the SSE parser behind it meets no other form.
#[derive(Default)]
pub struct Framing {
    lines: Lines,
    /// The JSON that is being gathered.
    json: JsonText,
    /// Whether that JSON came without `data:`.
    is_bare: bool,
    /// How many JSON texts came without `data:`.
    bare: usize,
    /// Whether the current event has a name that says that it only keeps the connection open.
    in_keep_alive: bool,
    /// Lines so far, of any kind.
    pub heard: usize,
    /// Whether `[DONE]` came.
    pub done: bool,
}

impl Framing {
    /// Takes bytes, and returns the events that are complete with them.
    pub fn take(&mut self, bytes: &[u8]) -> io::Result<Vec<Bytes>> {
        let whole = self.lines.take(bytes)?;
        let mut events = Vec::new();
        for line in whole.split_inclusive(|byte| *byte == b'\n') {
            self.line(line.strip_suffix(b"\n").unwrap_or(line), &mut events)?;
        }
        if self.lines.partial().len() > self.longest(self.lines.partial()) {
            return Err(too_long());
        }
        Ok(events)
    }

    /// The events of the last line, which may lack its end. `Err`: a chunk is cut in half.
    pub fn end(&mut self) -> io::Result<Vec<Bytes>> {
        let last = self.lines.end();
        let mut events = Vec::new();
        if !last.is_empty() {
            self.line(&last, &mut events)?;
        }
        // The end of the last event needs no blank line, its JSON needs its end.
        if self.json.is_open() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(events) }
    }

    /// Whether all of the answer was one JSON, as servers send it that do not stream.
    pub fn is_one_document(&self) -> bool {
        self.bare == 1 && !self.json.is_open()
    }

    fn longest(&self, line: &[u8]) -> usize {
        let may_be_whole = self.bare == 0 && (self.json.is_open() && self.is_bare || begins_like_json(line.trim_ascii_start()));
        if may_be_whole { MAX_BYTES } else { MAX_LINE_BYTES }
    }

    fn line(&mut self, line: &[u8], events: &mut Vec<Bytes>) -> io::Result<()> {
        if line.len() > self.longest(line) {
            return Err(too_long());
        }
        self.heard += 1;
        let field = line.trim_ascii_start();
        if self.json.is_open() && self.is_bare {
            if !field.starts_with(b"data:") {
                self.payload(line, true, events);
                return Ok(());
            }
            // It was no JSON, since none has such a line.
            self.json = JsonText::default();
        }
        if field.is_empty() || begins_like_json(field) {
            self.end_event(events);
        }
        if begins_like_json(field) {
            self.payload(field, true, events);
        } else if field.starts_with(b"<") {
            // A page of HTML: the reader refuses it like any other chunk that is no JSON.
            events.push(event(b"<"));
        } else if let Some(data) = value(field, b"data") {
            if !self.in_keep_alive {
                self.payload(data, false, events);
            }
        } else if let Some(name) = value(field, b"event") {
            self.in_keep_alive = is_keep_alive(name);
        }
        Ok(())
    }

    /// Ends an event of data lines. JSON that is still open is passed on as it is, for the reader to refuse.
    fn end_event(&mut self, events: &mut Vec<Bytes>) {
        self.in_keep_alive = false;
        if self.json.is_open() {
            events.push(event(&self.json.take()));
        }
    }

    /// Gathers JSON, which may begin and end anywhere in a line. What is no JSON stands for itself.
    fn payload(&mut self, mut text: &[u8], is_bare: bool, events: &mut Vec<Bytes>) {
        loop {
            if !self.json.is_open() {
                text = text.trim_ascii();
                if text.is_empty() {
                    return;
                }
                if !begins_like_json(text) {
                    self.chunk(text, events);
                    return;
                }
                self.is_bare = is_bare;
            }
            let length = self.json.push(text);
            text = &text[length..];
            if self.json.is_open() {
                return;
            }
            self.bare += usize::from(self.is_bare);
            let json = self.json.take();
            self.chunk(&json, events);
        }
    }

    fn chunk(&mut self, text: &[u8], events: &mut Vec<Bytes>) {
        if text.iter().filter(|byte| **byte != b' ').eq(b"[DONE]") {
            self.done = true;
            events.push(event(b"[DONE]"));
        } else if text.starts_with(b"{") || !is_keep_alive(text) {
            events.push(event(text));
        }
    }
}

fn too_long() -> io::Error {
    io::Error::other("a line of the answer is too large")
}

fn event(text: &[u8]) -> Bytes {
    [b"data: ", text, b"\n\n"].concat().into()
}

/// The value of a line with this field.
fn value<'a>(line: &'a [u8], field: &[u8]) -> Option<&'a [u8]> {
    let value = line.strip_prefix(field)?.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

/// No field of server-sent events begins so.
fn begins_like_json(text: &[u8]) -> bool {
    matches!(text.first(), Some(b'{' | b'['))
}

/// A JSON object or array that arrives in pieces.
#[derive(Default)]
struct JsonText {
    text: Vec<u8>,
    depth: usize,
    in_string: bool,
    after_backslash: bool,
}

impl JsonText {
    fn is_open(&self) -> bool {
        self.depth > 0
    }

    /// Takes a piece of a line up to the end of the JSON, and returns how long that is.
    fn push(&mut self, piece: &[u8]) -> usize {
        for (at, byte) in piece.iter().enumerate() {
            match byte {
                _ if self.after_backslash => self.after_backslash = false,
                b'\\' if self.in_string => self.after_backslash = true,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => self.depth += 1,
                b'}' | b']' if !self.in_string => self.depth -= 1,
                _ => {}
            }
            if self.depth == 0 {
                self.text.extend_from_slice(&piece[..=at]);
                return at + 1;
            }
        }
        // The next line goes on with it; between two tokens a space is as good as a line feed.
        self.text.extend_from_slice(piece);
        self.text.push(b' ');
        piece.len()
    }

    fn take(&mut self) -> Vec<u8> {
        std::mem::take(self).text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The payloads of an answer, in pieces of a size.
    fn read(answer: &[u8], size: usize) -> io::Result<Vec<String>> {
        let mut framing = Framing::default();
        let mut events = Vec::new();
        for piece in answer.chunks(size) {
            events.extend(framing.take(piece)?);
        }
        events.extend(framing.end()?);
        let payload = |event: Bytes| String::from_utf8(event.to_vec()).unwrap()["data: ".len()..].trim_end().to_owned();
        Ok(events.into_iter().map(payload).collect())
    }

    #[test]
    fn chunks_are_found_whatever_frames_them_and_wherever_they_are_cut() {
        for (answer, payloads) in [
            (": x\r\nid: 1\r\ndata: {\"a\":\"é\"}\r\n\r\ndata:[DONE]", &["{\"a\":\"é\"}", "[DONE]"][..]),
            ("data: {\"a\":\ndata: [1]}\n\ndata: {}\n\n", &["{\"a\": [1]}", "{}"]),
            ("data: {\"a\":1}\ndata: {\"b\":2}\ndata: [ DONE ] \n", &["{\"a\":1}", "{\"b\":2}", "[DONE]"]),
            ("{\"a\":1}\n{\"b\":\"}\\\"{\"}\n", &["{\"a\":1}", "{\"b\":\"}\\\"{\"}"]),
            ("{\"a\":1}{\"b\":2} {\"c\":3}", &["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"]),
            ("\u{feff}\n\n{\n  \"a\": [\n\n    1\n  ]\n}\n", &["{   \"a\": [      1   ] }"]),
            ("{\ndata: {\"a\":1}\n\n", &["{\"a\":1}"]),
            ("data: {\"a\":\n\ndata: {\"b\":2}\n\n", &["{\"a\": ", "{\"b\":2}"]),
            ("data: junk\n\n", &["junk"]),
            ("\n <html>\n<b>", &["<", "<"]),
            (": x\n\ndata: : x\n\ndata:\n\ndata: ping\n\ndata: [heartbeat]\n\nevent: ping\ndata: 2026-11-26\n\ndata: 7\n\n", &["7"]),
        ] {
            for size in 1..answer.len() {
                let read = read(answer.as_bytes(), size).unwrap();
                let trimmed: Vec<&str> = read.iter().map(|payload| payload.trim()).collect();
                assert_eq!(trimmed, payloads.iter().map(|payload| payload.trim()).collect::<Vec<_>>(), "{answer:?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn a_chunk_that_is_cut_in_half_is_no_end() {
        for answer in ["data: {\"a\":1}\n\ndata: {\"b\":", "data: {\"a\":1}\n\ndata: {\"b\":\n", "{\"a\":[1\n"] {
            assert_eq!(read(answer.as_bytes(), 7).unwrap_err().kind(), io::ErrorKind::UnexpectedEof, "{answer}");
        }
    }

    #[test]
    fn endless_lines_are_refused_and_a_whole_answer_may_be_long() {
        let long = "x".repeat(MAX_LINE_BYTES);
        for refused in
            [format!("data: {{\"a\":\"{long}\"}}\n\n"), format!(": {long}"), format!("{{}}\n{{\"a\":\"{long}\"}}\n"), long.clone() + "x"]
        {
            for size in [1000, 2 * MAX_LINE_BYTES] {
                assert!(read(refused.as_bytes(), size).is_err());
            }
        }
        for whole in [format!("{{\"a\":\"{long}\"}}"), format!("{{\n  \"a\":\"{long}\"\n}}\n")] {
            for size in [1000, 2 * MAX_LINE_BYTES] {
                assert_eq!(read(whole.as_bytes(), size).unwrap().len(), 1);
            }
        }
    }
}
