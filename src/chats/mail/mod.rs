//! An e-mail's parts: what its author wrote now, what it quotes of earlier ones, its signature, its legal notice. Pure functions over text;
//! their time grows with its length alone.

mod patterns;
mod quotation;
mod signature;
#[cfg(test)]
mod tests;

use crate::{
    chats::event::{Channel, Message},
    text::lines,
};

/// A text of more lines is no e-mail.
const MAX_LINES: usize = 5000;

/// What stands under an e-mail and is not what it says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aside {
    /// The author's name, numbers and addresses, and what their device adds.
    pub signature: String,
    /// The legal notice.
    pub disclaimer: String,
}

/// What a line is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    New,
    Quotation,
    Signature,
    Disclaimer,
}

/// Leaves in a message's `text` what its author wrote now, moves what it quotes to `quoted_text`, and returns the rest. On channels other
/// than e-mail, this is done only for a message with a quoted e-mail's header, or with a `quoted_text` already. A text without anything
/// new stays as it is, unless files came with it.
pub fn tell_apart(message: &mut Message, channel: Channel) -> Aside {
    let is_quoted_apart = !message.quoted_text.is_empty();
    let written: Vec<&str> = lines(&message.text).collect();
    if written.len() < 2 || written.len() > MAX_LINES {
        return Aside::default();
    }
    let mut parts = vec![Part::New; written.len()];
    let found = if is_quoted_apart { quotation::Found::default() } else { quotation::mark(&written, &mut parts) };
    if channel != Channel::Email && !is_quoted_apart && !found.has_header {
        return Aside::default();
    }
    signature::mark(&written, &mut parts);
    if parts.iter().all(|part| *part == Part::New) {
        return Aside::default();
    }
    let of = |part: Part| joined(written.iter().zip(&parts).filter(|(_, of)| **of == part).map(|(line, _)| *line));
    let (text, quotation) = (of(Part::New), of(Part::Quotation));
    if text.is_empty() && (message.attachments.is_empty() || found.is_forwarded) {
        return Aside::default();
    }
    let aside = Aside { signature: of(Part::Signature), disclaimer: of(Part::Disclaimer) };
    if !is_quoted_apart {
        message.quoted_text = quotation;
    }
    message.text = text;
    aside
}

/// Joins lines, with at most one blank line between two, and none at the ends.
fn joined<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut joined = String::new();
    let mut blank = false;
    for line in lines {
        if is_blank(line) {
            blank = true;
            continue;
        }
        if !joined.is_empty() {
            joined.push_str(if blank { "\n\n" } else { "\n" });
        }
        joined.push_str(line.trim_end());
        blank = false;
    }
    joined
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}
