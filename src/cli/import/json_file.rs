//! Reads files of JSON: one object a line, or one value in the whole file. A broken line is told, and the next is read.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use indicatif::ProgressBar;
use serde_json::Value;

use crate::cli::import::{
    account::{Account, Place},
    intake::Stopped,
};

/// Largest file that is read as one value, and longest line, in bytes.
const MAX_VALUE_BYTES: usize = 256 << 20;
/// Bytes that are looked at to know what a file is.
const LOOK: usize = 4096;

/// A file that is read line by line.
pub struct Lines {
    reader: BufReader<File>,
    /// The file's name, for places.
    pub file: Arc<Path>,
    number: usize,
    bar: ProgressBar,
}

/// Why a line can't be taken.
pub enum BadLine {
    TooLong,
    Io(std::io::Error),
}

impl Lines {
    /// Opens a file; the error says what is wrong with it, and that it should be `what`.
    pub fn open(path: &Path, what: &str, bar: &ProgressBar) -> Result<Lines, String> {
        let unreadable = |error: std::io::Error| format!("can't be read: {error}");
        let file = File::open(path).map_err(unreadable)?;
        let data = file.metadata().map_err(unreadable)?;
        if !data.is_file() {
            return Err(format!("not a regular file; wanted is {what}"));
        }
        if data.len() == 0 {
            return Err(format!("the file is empty; wanted is {what}"));
        }
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let start = reader.fill_buf().map_err(unreadable)?;
        let start = &start[..start.len().min(LOOK)];
        let known = match start {
            [0x1f, 0x8b, ..] => Some("compressed by gzip; unpack it with `gunzip`"),
            [b'P', b'K', 3, 4, ..] => Some("a ZIP archive or a spreadsheet; unpack it, or save it as CSV UTF-8"),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16; save it as UTF-8, such as by `iconv -f UTF-16 -t UTF-8`"),
            _ if start.contains(&0) => Some("binary"),
            _ => None,
        };
        if let Some(known) = known {
            return Err(format!("the file is {known}; wanted is {what}"));
        }
        if start.starts_with(b"\xef\xbb\xbf") {
            reader.consume(3);
        }
        Ok(Lines { reader, file: path.into(), number: 0, bar: bar.clone() })
    }

    /// The next line without its end, as it is; `None` at the end of the file.
    pub fn next_bytes(&mut self) -> Option<Result<Vec<u8>, BadLine>> {
        let mut line = Vec::new();
        let read = (&mut self.reader).take(MAX_VALUE_BYTES as u64 + 1).read_until(b'\n', &mut line);
        self.number += 1;
        match read {
            Ok(0) => return None,
            Err(error) => return Some(Err(BadLine::Io(error))),
            Ok(_) => {}
        }
        self.bar.inc(line.len() as u64);
        if line.len() > MAX_VALUE_BYTES {
            let mut rest = line.last() != Some(&b'\n');
            while rest {
                let Ok(buffer) = self.reader.fill_buf() else { break };
                let end = buffer.iter().position(|byte| *byte == b'\n');
                let length = end.map_or(buffer.len(), |end| end + 1);
                rest = end.is_none() && length > 0;
                self.reader.consume(length);
            }
            return Some(Err(BadLine::TooLong));
        }
        Some(Ok(line))
    }

    /// Where the line that was read last stands.
    pub fn place(&self) -> Place {
        Place { file: Arc::clone(&self.file), line: self.number }
    }

    /// The rest of the file, up to the bound of one value.
    fn rest(&mut self) -> Result<Vec<u8>, BadLine> {
        let mut rest = Vec::new();
        (&mut self.reader).take(MAX_VALUE_BYTES as u64 + 1).read_to_end(&mut rest).map_err(BadLine::Io)?;
        self.bar.inc(rest.len() as u64);
        if rest.len() > MAX_VALUE_BYTES { Err(BadLine::TooLong) } else { Ok(rest) }
    }
}

/// Reads every value of the files in turn. What is no JSON is told with its line, and the rest is read.
pub fn for_each_value(
    files: &[PathBuf],
    what: &str,
    bar: &ProgressBar,
    account: &mut Account,
    mut take: impl FnMut(Value, Place, &mut Account) -> Result<(), Stopped>,
) {
    for path in files {
        let mut lines = match Lines::open(path, what, bar) {
            Ok(lines) => lines,
            Err(problem) => {
                account.broken(&Place { file: path.as_path().into(), line: 0 }, problem);
                continue;
            }
        };
        let mut is_first = true;
        let mut whole: Option<Vec<u8>> = None;
        while let Some(line) = lines.next_bytes() {
            let place = lines.place();
            let line = match line {
                Ok(line) => line,
                Err(problem) => {
                    account.broken(&place, explained(&problem));
                    if matches!(problem, BadLine::Io(_)) {
                        break;
                    }
                    continue;
                }
            };
            if line.trim_ascii().is_empty() {
                continue;
            }
            let value = serde_json::from_slice::<Value>(&line);
            // A value that goes over several lines begins with a line that is none.
            if is_first && value.is_err() && !is_an_object(&line) && is_open(&line) {
                whole = Some(line);
                break;
            }
            is_first = false;
            match value {
                Ok(value) => {
                    if take(value, place, account).is_err() {
                        return;
                    }
                }
                Err(error) => account.broken(&lines.place(), not_json(&error)),
            }
        }
        let Some(mut whole) = whole else { continue };
        let place = Place { line: 1, ..lines.place() };
        let first_line = lines.place().line;
        let value = lines.rest().map(|rest| {
            whole.extend(rest);
            serde_json::from_slice::<Value>(&whole)
        });
        match value {
            Ok(Ok(value)) => {
                if take(value, place, account).is_err() {
                    return;
                }
            }
            Ok(Err(error)) => {
                let place = Place { line: first_line - 1 + error.line().max(1), ..place };
                account.broken(&place, not_json(&error));
            }
            Err(problem) => account.broken(&place, explained(&problem)),
        }
    }
}

fn is_open(line: &[u8]) -> bool {
    line.trim_ascii_start().starts_with(b"{") || line.trim_ascii_start().starts_with(b"[")
}

fn is_an_object(line: &[u8]) -> bool {
    line.trim_ascii().starts_with(b"{") && line.trim_ascii().ends_with(b"}")
}

/// Says why a line can't be taken.
pub fn explained(problem: &BadLine) -> String {
    match problem {
        BadLine::TooLong => {
            format!("more than {} MB in one value; write one object a line, such as by `jq -c '.[]'`", MAX_VALUE_BYTES >> 20)
        }
        BadLine::Io(error) => format!("can't be read: {error}"),
    }
}

/// The parser's words about what is wrong, without its place, which is told before.
fn not_json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    format!("not JSON ({text}, at column {}); the line is left out", error.column())
}
