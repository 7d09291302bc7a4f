//! Adapts a draft to its channel: plain text where Markdown would be shown literally, and the channel's length limit.

use std::borrow::Cow;

use crate::{
    chats::{Channel, Summary},
    facts::{FactKind, Known, facts},
    replies::{
        masking::shown,
        stream::result::{Warning, WarningKind},
    },
    text::{on_one_line, sentences},
};

/// Most characters of a message on Instagram.
const MAX_INSTAGRAM: usize = 1000;

/// Returns a text as its channel shows it, without Markdown where that would be shown literally.
pub fn plain_for(text: &str, channel: Channel) -> String {
    match channel {
        Channel::Whatsapp | Channel::Instagram | Channel::Messenger => without_markdown(text),
        _ => text.to_owned(),
    }
}

/// Returns a draft adapted to its channel, with a warning if it was truncated.
pub fn fitted(text: &str, channel: Channel) -> (String, Option<Warning>) {
    let plain = plain_for(text, channel);
    if channel != Channel::Instagram || plain.chars().count() <= MAX_INSTAGRAM {
        return (plain, None);
    }
    // As many whole sentences as fit.
    let mut end = 0;
    for sentence in sentences(&plain) {
        let after = sentence.as_ptr() as usize - plain.as_ptr() as usize + sentence.len();
        if plain[..after].chars().count() > MAX_INSTAGRAM {
            break;
        }
        end = after;
    }
    let cut = if end > 0 { plain[..end].to_owned() } else { plain.chars().take(MAX_INSTAGRAM).collect() };
    let message = format!("Instagram allows {MAX_INSTAGRAM} characters; the rest was cut off");
    (cut, Some(Warning { kind: WarningKind::Truncated, excerpt: String::new(), message }))
}

/// Converts headings, emphasis and links to plain text; keeps lists. Links, addresses, codes and names of files stay to the letter.
fn without_markdown(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let heading = line.trim_start_matches('#');
        let line = if heading.len() < line.len() && heading.starts_with(' ') { heading.trim_start() } else { line };
        lines.push(without_emphasis(&without_links(line)));
    }
    lines.join("\n")
}

/// Takes the marks of emphasis away where they stand around words. What is a fact has none.
fn without_emphasis(line: &str) -> String {
    let found = facts(line, &Known::default(), |kind| !matches!(kind, FactKind::Snippet | FactKind::Placeholder));
    let mut plain = String::with_capacity(line.len());
    let mut at = 0;
    while at < line.len() {
        let rest = &line[at..];
        if let Some(fact) = found.iter().find(|fact| fact.range.start == at) {
            plain.push_str(&line[fact.range.clone()]);
            at = fact.range.end;
            continue;
        }
        let mark = ["**", "__", "`"].into_iter().find(|mark| rest.starts_with(mark));
        match mark {
            // `****1234` is a card's end, `a ** b` no emphasis.
            Some(mark) if is_emphasis(line, at, mark) => at += mark.len(),
            Some(mark) if mark != "`" => {
                let run = rest.chars().take_while(|letter| mark.starts_with(*letter)).count();
                plain.push_str(&rest[..run]);
                at += run;
            }
            _ => {
                let letter = rest.chars().next().unwrap_or(' ');
                plain.push(letter);
                at += letter.len_utf8();
            }
        }
    }
    plain
}

/// Whether marks at a place open or close emphasis: they are two, not more, and stand beside a word on one side only.
fn is_emphasis(line: &str, at: usize, mark: &str) -> bool {
    let sign = |letter: char| mark.starts_with(letter);
    let (before, after) = (line[..at].chars().next_back(), line[at + mark.len()..].chars().next());
    if before.is_some_and(sign) || after.is_some_and(sign) {
        return false;
    }
    let closed = line.matches(mark).count() >= 2;
    let beside = |letter: Option<char>| letter.is_some_and(|letter| !letter.is_whitespace());
    closed
        && (beside(before) || beside(after))
        && (mark != "__" || !(before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric)))
}

/// Converts `[words](address)` to `words: address`.
fn without_links(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(open) = rest.find('[') {
        let linked = rest[open..].split_once("](").and_then(|(words, after)| Some((words, after.split_once(')')?)));
        match linked {
            Some((words, (address, after))) if !words[1..].contains(['[', ']']) && !address.contains(char::is_whitespace) => {
                plain.push_str(&rest[..open]);
                plain.push_str(&words[1..]);
                if words[1..] != *address {
                    plain.push_str(": ");
                    plain.push_str(address);
                }
                rest = after;
            }
            _ => {
                plain.push_str(&rest[..=open]);
                rest = &rest[open + 1..];
            }
        }
    }
    plain + rest
}

/// Returns a channel in words; `None` if it is not known.
pub fn channel_words(summary: &Summary) -> Option<Cow<'_, str>> {
    let words = match summary.channel {
        Channel::Unknown => return None,
        Channel::Other if summary.channel_name.is_empty() => return None,
        Channel::Other => return Some(on_one_line(&shown(&summary.channel_name)).into_owned().into()),
        Channel::WebChat => "a chat window on the shop's site",
        Channel::Email => "e-mail",
        Channel::ContactForm => "a contact form, answered by e-mail",
        Channel::Whatsapp => "WhatsApp",
        Channel::Messenger => "Facebook Messenger",
        Channel::Instagram => "Instagram",
        Channel::InApp => "a chat inside the shop's app",
        Channel::Phone => "phone",
        Channel::Ticket => "a ticket, answered by e-mail",
    };
    Some(words.into())
}

/// Returns how long a reply on a channel usually is, and what is too long for it.
pub fn length_words(channel: Channel) -> Option<&'static str> {
    match channel {
        Channel::WebChat | Channel::InApp => Some("one to four short sentences, as in a conversation; a list only for steps"),
        Channel::Whatsapp | Channel::Messenger => Some("one to four short sentences, without headings or tables"),
        Channel::Instagram => Some("one to three short sentences, at most 1,000 characters, without headings, lists or tables"),
        Channel::Email | Channel::ContactForm | Channel::Ticket => {
            Some("as short as a complete answer can be, in short paragraphs; steps as a list")
        }
        Channel::Phone => Some("what the agent says aloud: a few short sentences, without lists or links"),
        Channel::Unknown | Channel::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_gets_what_it_shows() {
        let text = "## Return\n**Print** the label: [here](https://shop.example/a) [x] and `go`.\n- one";
        assert_eq!(
            fitted(text, Channel::Whatsapp),
            ("Return\nPrint the label: here: https://shop.example/a [x] and go.\n- one".to_owned(), None)
        );
        assert_eq!(fitted(text, Channel::Email).0, text);
        for whole in [
            "https://shop.example/p/keten__masa?utm__source=wa",
            "desk__tr@shop.example",
            "KE__204815",
            "**** 1234",
            "a ** b ** c",
            "snake__case__name",
        ] {
            assert_eq!(fitted(&format!("see {whole} now"), Channel::Whatsapp).0, format!("see {whole} now"));
        }
        assert_eq!(fitted("__so__ **ist** `x`", Channel::Instagram).0, "so ist x");
        let (cut, warning) = fitted(&"Güzel bir cümle daha. ".repeat(80), Channel::Instagram);
        assert!(cut.chars().count() <= MAX_INSTAGRAM && cut.ends_with("daha.") && warning.is_some(), "{cut}");
    }
}
