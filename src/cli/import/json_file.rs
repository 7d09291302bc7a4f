//! Reads files of JSON: one object a line, or one value in the whole file. A broken line is told, and the next is read.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use indicatif::ProgressBar;
use serde::de::IgnoredAny;
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
        // Before it is opened: a pipe would wait for its writer.
        let data = std::fs::metadata(path).map_err(unreadable)?;
        if !data.is_file() {
            return Err(format!("not a regular file; wanted is {what}"));
        }
        if data.len() == 0 {
            return Err(format!("the file is empty; wanted is {what}"));
        }
        let mut reader = BufReader::with_capacity(1 << 16, File::open(path).map_err(unreadable)?);
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

    /// The next line as it is, with its end; `None` at the end of the file.
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

    /// Adds further lines to a value, up to the bound of one. Returns whether the file ended.
    fn add_to(&mut self, value: &mut Vec<u8>) -> Result<bool, BadLine> {
        while value.len() <= MAX_VALUE_BYTES {
            match self.next_bytes() {
                None => return Ok(true),
                Some(Ok(line)) => value.extend(line),
                Some(Err(problem)) => return Err(problem),
            }
        }
        Ok(false)
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
        match Lines::open(path, what, bar) {
            Ok(mut lines) => {
                if values_of(&mut lines, account, &mut take).is_err() {
                    return;
                }
            }
            Err(problem) => account.broken(&Place { file: path.as_path().into(), line: 0 }, problem),
        }
    }
}

/// Reads the values of a file.
fn values_of(
    lines: &mut Lines,
    account: &mut Account,
    take: &mut impl FnMut(Value, Place, &mut Account) -> Result<(), Stopped>,
) -> Result<(), Stopped> {
    let mut is_first = true;
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
        let may_go_on = std::mem::take(&mut is_first) && is_open(&line) && !is_an_object(&line);
        match serde_json::from_slice::<Value>(&line) {
            Ok(value) => take(value, place, account)?,
            // A value that goes over several lines begins with a line that is none.
            Err(_) if may_go_on => {
                if !several_lines(line, &place, lines, account, take)? {
                    break;
                }
            }
            Err(error) => account.broken(&place, not_json(&error)),
        }
    }
    Ok(())
}

/// Takes a value that goes over several lines. Where the other lines are values for themselves, the first one is broken and they are taken
/// line by line. Returns whether further lines may follow.
fn several_lines(
    first: Vec<u8>,
    place: &Place,
    lines: &mut Lines,
    account: &mut Account,
    take: &mut impl FnMut(Value, Place, &mut Account) -> Result<(), Stopped>,
) -> Result<bool, Stopped> {
    let mut whole = first;
    let end = lines.add_to(&mut whole);
    let value = match end {
        Ok(true) => Some(serde_json::from_slice::<Value>(&whole)),
        Ok(false) | Err(_) => None,
    };
    let at = |index: usize| Place { line: place.line + index, ..place.clone() };
    match (value, &end) {
        (Some(Ok(value)), _) => return take(value, place.clone(), account).map(|()| false),
        _ if are_objects(&whole) => {}
        (Some(Err(error)), _) => {
            let problem = format!("not JSON ({}, at column {}); nothing of the file is imported", words_of(&error), error.column());
            account.broken(&at(error.line().max(1) - 1), problem);
            return Ok(false);
        }
        (None, Err(problem)) => {
            account.broken(&lines.place(), explained(problem));
            return Ok(false);
        }
        (None, Ok(_)) => {
            account.broken(place, explained(&BadLine::TooLong));
            return Ok(false);
        }
    }
    for (index, line) in whole.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice::<Value>(line) {
            Ok(value) => take(value, at(index), account)?,
            Err(error) => account.broken(&at(index), not_json(&error)),
        }
    }
    match end {
        Err(problem) => {
            account.broken(&lines.place(), explained(&problem));
            Ok(!matches!(problem, BadLine::Io(_)))
        }
        Ok(_) => Ok(true),
    }
}

/// Whether most of the lines behind the first are objects for themselves.
fn are_objects(text: &[u8]) -> bool {
    let lines = text.split(|byte| *byte == b'\n').skip(1).filter(|line| !line.trim_ascii().is_empty());
    let (mut objects, mut others) = (0_usize, 0_usize);
    for line in lines {
        match is_an_object(line) && serde_json::from_slice::<IgnoredAny>(line).is_ok() {
            true => objects += 1,
            false => others += 1,
        }
    }
    objects > others
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

fn not_json(error: &serde_json::Error) -> String {
    format!("not JSON ({}, at column {}); the line is left out", words_of(error), error.column())
}

/// The parser's words about what is wrong, without its place, which is told before.
fn words_of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split_once(" at line ").map_or(text.as_str(), |(text, _)| text).to_owned()
}
