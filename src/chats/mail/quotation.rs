//! Finds the lines of an e-mail that it quotes: those with a mark before them, and what stands under a header as mail programs write it.

use crate::chats::mail::{
    Part, is_blank,
    patterns::{Label, normalized, patterns},
};

/// Most lines that a header of one sentence is wrapped to, and most bytes of it.
const MAX_WRAPPED: usize = 4;
const MAX_HEADER_BYTES: usize = 500;
/// Most lines of a header with a field each.
const MAX_BLOCK: usize = 14;
/// Longest name of a field, in bytes.
const MAX_LABEL_BYTES: usize = 40;
/// Fewest dashes before `Original Message`, and fewest underscores of a rule.
const MIN_DASHES: usize = 3;
const MIN_RULE: usize = 10;

/// What was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    /// Whether a header says beyond doubt that an e-mail is quoted.
    pub has_header: bool,
    /// Whether an e-mail was passed on.
    pub is_forwarded: bool,
}

/// A header: the line after it, and what it tells.
#[derive(Debug, Clone, Copy)]
struct Header {
    end: usize,
    is_certain: bool,
    is_forwarded: bool,
}

/// The lines of a text, and what is looked up in them again and again.
struct Lines<'a> {
    written: &'a [&'a str],
    /// Normalized; empty for those too long to be of a header.
    plain: Vec<String>,
    labels: Vec<Option<Label>>,
}

/// Marks the quoted lines. Under a header, these are the lines with a `>`; if the first has none, all the rest.
pub fn mark(lines: &[&str], parts: &mut [Part]) -> Found {
    let plain = |line: &&str| if line.len() <= MAX_HEADER_BYTES { normalized(line) } else { String::new() };
    let read = Lines { written: lines, plain: lines.iter().map(plain).collect(), labels: lines.iter().map(|line| label(line)).collect() };
    let mut found = Found::default();
    let mut at = 0;
    while at < lines.len() {
        if is_marked(lines[at]) {
            parts[at] = Part::Quotation;
        } else if let Some(header) = read.headers(at) {
            let next = next_written(lines, header.end);
            let marked = next.is_some_and(|next| is_marked(lines[next]));
            if marked || header.is_certain {
                found.has_header |= header.is_certain;
                found.is_forwarded |= header.is_forwarded;
                let end = if marked { header.end } else { lines.len() };
                parts[at..end].fill(Part::Quotation);
                at = end;
            } else {
                at = header.end;
            }
            continue;
        }
        at += 1;
    }
    found
}

fn is_marked(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

fn next_written(lines: &[&str], from: usize) -> Option<usize> {
    (from..lines.len()).find(|at| !is_blank(lines[*at]))
}

impl Lines<'_> {
    /// Returns the header that begins at a line, with those that follow it at once: `Original Message` has fields under it.
    fn headers(&self, at: usize) -> Option<Header> {
        let mut all = self.header(at)?;
        while let Some(next) = next_written(self.written, all.end).and_then(|next| self.header(next)) {
            all = Header {
                end: next.end,
                is_certain: all.is_certain || next.is_certain,
                is_forwarded: all.is_forwarded || next.is_forwarded,
            };
        }
        Some(all)
    }

    fn header(&self, at: usize) -> Option<Header> {
        let line = self.plain[at].as_str();
        if line.is_empty() {
            return None;
        }
        if let Some(is_forwarded) = title(line) {
            return Some(Header { end: at + 1, is_certain: true, is_forwarded });
        }
        if is_rule(line) {
            return next_written(self.written, at + 1).and_then(|fields| self.block(fields));
        }
        self.block(at).or_else(|| self.sentence(at))
    }

    /// Returns the header of a field a line that begins here: sender, time and subject, or an address among them.
    fn block(&self, at: usize) -> Option<Header> {
        self.labels[at]?;
        let label = |line: usize| self.labels.get(line).copied().flatten();
        let (mut seen, mut has_address, mut end) = (Vec::new(), false, at);
        for line in at..self.written.len().min(at + MAX_BLOCK) {
            if is_blank(self.written[line]) {
                // Some programs put an empty line between the fields.
                if label(line + 1).is_some() {
                    continue;
                }
                break;
            }
            if let Some(label) = label(line) {
                seen.push(label);
                end = line + 1;
            }
            has_address |= self.written[line].contains('@');
        }
        let has = |label: Label| seen.contains(&label);
        let is_block = has(Label::From)
            && ((has(Label::Sent) && has(Label::Subject)) || (has_address && has(Label::To) && (has(Label::Sent) || has(Label::Subject))));
        is_block.then_some(Header { end, is_certain: true, is_forwarded: false })
    }

    /// Returns the header of one sentence that begins here, such as `On 18 Nov 2026 at 10:12, Keten Ev wrote:`.
    fn sentence(&self, at: usize) -> Option<Header> {
        let mut sentence = String::new();
        for (wrapped, line) in self.plain[at..].iter().take(MAX_WRAPPED).enumerate() {
            if line.is_empty() || line.starts_with('>') || sentence.len() + line.len() > MAX_HEADER_BYTES {
                return None;
            }
            sentence.push_str(line);
            if line.ends_with(':') {
                // A line of the author's own above the header is not part of it.
                let goes_on = wrapped == 0 || is_dated(&self.plain[at]) || self.plain[at + 1].starts_with(['<', '(']);
                if patterns().wrote.iter().any(|pattern| (goes_on || pattern.begins_fixed()) && pattern.is(&sentence)) {
                    return Some(Header { end: at + wrapped + 1, is_certain: is_dated(&sentence), is_forwarded: false });
                }
            }
            sentence.push(' ');
        }
        None
    }
}

/// Returns whether a line is a title such as `-----Original Message-----`, and then whether of what was passed on.
fn title(line: &str) -> Option<bool> {
    let is_dash = |letter: char| matches!(letter, '-' | '_' | '*' | '=' | '\u{2010}'..='\u{2015}');
    let words = line.trim_start_matches(is_dash);
    let dashes = line[..line.len() - words.len()].chars().count();
    let words = words.trim_end_matches(is_dash).trim();
    let is_one_of = |titles: &[String]| titles.iter().any(|title| title == words && (dashes >= MIN_DASHES || title.ends_with(':')));
    match (is_one_of(&patterns().forwarded), is_one_of(&patterns().original)) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    }
}

/// Returns whether a line is a rule, as Outlook draws it above a header.
fn is_rule(line: &str) -> bool {
    line.len() >= MIN_RULE && line.bytes().all(|byte| byte == b'_')
}

/// Returns the field that a line begins with; programs that show Markdown put stars around its name.
fn label(line: &str) -> Option<Label> {
    let line = line.trim_start();
    let end = line.find([':', '：']).filter(|end| *end <= MAX_LABEL_BYTES)?;
    let name: String = line[..end].chars().filter(|letter| *letter != '*').collect();
    patterns().label(&normalized(&format!("{name}:")))
}

/// Returns whether a line has an address or a time of day, as those that programs write do.
fn is_dated(line: &str) -> bool {
    let bytes = line.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let is_time = |at: usize| matches!(bytes[at], b':' | b'h') && at > 0 && digit(at - 1) && digit(at + 1) && digit(at + 2);
    line.contains('@') || (0..bytes.len()).any(is_time)
}
