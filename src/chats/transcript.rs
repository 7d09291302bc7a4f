//! A chat written down for reading, mailing or printing.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;

use crate::{
    chats::{
        Chats,
        error::ChatError,
        event::{Author, Channel, Event, EventBody},
        fold::Chat,
        mail::tell_apart,
    },
    ids::Id,
    lexicon::{labels::TranscriptLabels, lexicon_or_english},
    text::{Language, escape_html, on_one_line, with_newlines},
};

/// How a transcript is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TranscriptFormat {
    /// Plain text, UTF-8; what was said is indented.
    Text,
    /// Markdown; what was said is escaped, so that it shows as it was written.
    Markdown,
    /// One self-contained HTML page; what was said is escaped.
    Html,
    /// A JSON document, for programs.
    Json,
}

/// What to write down, and how.
#[derive(Debug, Clone)]
pub struct TranscriptOptions {
    /// The document's format.
    pub format: TranscriptFormat,
    /// `None`: the customer's, else `fallback_language`.
    pub language: Option<Language>,
    /// The language of the labels if neither a call nor the chat names one: the workspace's.
    pub fallback_language: Language,
    /// An IANA name; empty for UTC.
    pub time_zone: String,
    /// Whether notes and reasons of transfers are in it: for colleagues, not for the customer.
    pub include_notes: bool,
}

/// Whether a text names a time zone of the IANA database; an empty one is UTC.
pub fn is_time_zone(name: &str) -> bool {
    name.is_empty() || TimeZone::get(name).is_ok()
}

/// A transcript.
#[derive(Debug)]
pub struct Transcript {
    /// The whole document.
    pub content: String,
    /// Its media type with its character set, such as `text/plain; charset=utf-8`.
    pub media_type: &'static str,
    /// `chat-ID.ENDING`; of the id, what is neither a letter, a digit nor `-` is `_`.
    pub file_name: String,
}

impl Chats {
    /// Writes a chat down, in the order of its events' times.
    pub async fn transcript(&self, chat_id: &Id, options: TranscriptOptions) -> Result<Transcript, ChatError> {
        let zone = match options.time_zone.as_str() {
            "" => TimeZone::UTC,
            name => TimeZone::get(name).map_err(|_| ChatError::TimeZone(name.to_owned()))?,
        };
        let read = self.whole(chat_id.as_str(), MAX_TRANSCRIPT_BYTES).await?;
        let mut events = read.ok_or(ChatError::TooLarge("transcript"))?;
        if events.is_empty() {
            return Err(ChatError::NotFound(chat_id.to_string()));
        }
        events.sort_by_key(|event| (event.at, event.sequence));
        let chat_id = chat_id.clone();
        self.log.workers.work(move || written(&chat_id, &events, options, &zone)).await
    }
}

/// A chat of more bytes than this is written down in no reply.
const MAX_TRANSCRIPT_BYTES: usize = 16 << 20;
/// Languages that are written from right to left.
const RIGHT_TO_LEFT: [&str; 12] = ["ar", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "syr", "ug", "ur", "yi"];

fn written(chat_id: &Id, events: &[Event], options: TranscriptOptions, zone: &TimeZone) -> Result<Transcript, ChatError> {
    let chat = Chat::fold(chat_id.as_str(), events);
    let language = options.language.or_else(|| chat.reported_language().cloned()).unwrap_or(options.fallback_language);
    let words = &lexicon_or_english(&language).words.transcript;
    let page = Page {
        title: if chat.summary.subject.is_empty() { chat_id.to_string() } else { on_one_line(&chat.summary.subject).into_owned() },
        when: when(&chat, zone),
        language: language.to_string(),
        right_to_left: RIGHT_TO_LEFT.contains(&language.primary()),
        words,
        lines: events.iter().filter_map(|event| line(event, chat.summary.channel, options.include_notes, words, zone)).collect(),
    };
    let (content, media_type, ending) = match options.format {
        TranscriptFormat::Text => (page.text(), "text/plain; charset=utf-8", "txt"),
        TranscriptFormat::Markdown => (page.markdown(), "text/markdown; charset=utf-8", "md"),
        TranscriptFormat::Html => (page.html(), "text/html; charset=utf-8", "html"),
        TranscriptFormat::Json => (page.json(chat_id.as_str()), "application/json", "json"),
    };
    let safe: String =
        chat_id.as_str().chars().map(|letter| if letter.is_alphanumeric() || letter == '-' { letter } else { '_' }).collect();
    Ok(Transcript { content, media_type, file_name: format!("chat-{safe}.{ending}") })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Customer,
    Shop,
    Note,
    Mark,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Customer => "customer",
            Kind::Shop => "shop",
            Kind::Note => "note",
            Kind::Mark => "mark",
        }
    }
}

struct Line {
    at: Timestamp,
    time: String,
    kind: Kind,
    who: String,
    text: String,
    /// What is quoted there of earlier messages.
    quoted: String,
}

/// What an event leaves in a transcript. What only the shop knows (records, page views, form answers) is not part of the talk.
fn line(event: &Event, channel: Channel, include_notes: bool, words: &TranscriptLabels, zone: &TimeZone) -> Option<Line> {
    let named = |name: &str, role: &str| if name.is_empty() { role.to_owned() } else { format!("{name} ({role})") };
    let mut quoted = String::new();
    let (kind, who, text) = match &event.body {
        EventBody::Message(message) => {
            let mut message = message.clone();
            let aside = tell_apart(&mut message, channel);
            let (kind, role) = match message.author {
                Author::Customer => (Kind::Customer, &words.customer),
                Author::Agent => (Kind::Shop, &words.agent),
                Author::Bot => (Kind::Shop, &words.bot),
            };
            quoted = message.quoted_text;
            let mut text = message.text;
            for part in [aside.signature, aside.disclaimer].iter().filter(|part| !part.is_empty()) {
                text.push_str(&format!("\n\n{part}"));
            }
            for attachment in &message.attachments {
                text.push_str(&format!("\n[{}: {}]", words.attachment, on_one_line(&attachment.name)));
                if !attachment.text.is_empty() {
                    text.push_str(&format!("\n{}", attachment.text));
                }
            }
            (kind, named(&message.author_name, role), text)
        }
        EventBody::Note(note) if include_notes => (Kind::Note, named(&note.agent_name, &words.note), note.text.for_agents().to_owned()),
        EventBody::Transfer(transfer) => {
            // Names of teams are the shop's own matter, as notes are.
            let group = if include_notes { transfer.to_group.as_str() } else { "" };
            let to = if transfer.to_agent_name.is_empty() { group } else { &transfer.to_agent_name };
            let reason = if include_notes && !transfer.reason.is_empty() { format!(" ({})", transfer.reason) } else { String::new() };
            (Kind::Mark, words.transferred.clone(), format!("{to}{reason}"))
        }
        EventBody::Resolved => (Kind::Mark, words.resolved.clone(), String::new()),
        EventBody::Reopened => (Kind::Mark, words.reopened.clone(), String::new()),
        EventBody::Ticket(ticket) => (Kind::Mark, words.ticket.clone(), ticket.ticket_id.clone()),
        EventBody::Rating(rating) => (Kind::Mark, words.rating.clone(), format!("{}/5 {}", rating.score, rating.comment).trim().to_owned()),
        _ => return None,
    };
    let text = if event.redacted { format!("[{}]", words.removed) } else { text };
    let quoted = with_newlines(&quoted).into_owned();
    // However lines were ended, they end alike here; what is no talk has one.
    let text = if kind == Kind::Mark { on_one_line(&text).into_owned() } else { with_newlines(&text).into_owned() };
    let who = on_one_line(&who).into_owned();
    let time = event.at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
    Some(Line { at: event.at, time, kind, who, text, quoted })
}

struct Page {
    title: String,
    /// Its first and last day, the zone of its times, and a channel that only its name tells.
    when: String,
    language: String,
    right_to_left: bool,
    words: &'static TranscriptLabels,
    lines: Vec<Line>,
}

impl Page {
    fn text(&self) -> String {
        let mut text = format!("{}\n{}\n", self.title, self.when);
        for Line { time, kind, who, text: said, quoted, .. } in &self.lines {
            let said = &self.with_quoted(said, quoted);
            match kind {
                Kind::Mark => text.push_str(&format!("\n[{time}] — {who}{}\n", colon(said))),
                // Set in, so that nothing that was said can pass for a line of the transcript.
                _ => text.push_str(&format!("\n[{time}] {who}:\n    {}\n", said.replace('\n', "\n    "))),
            }
        }
        text
    }

    fn markdown(&self) -> String {
        let mut text = format!("# {}\n\n{}\n", escape_markdown(&self.title), escape_markdown(&self.when));
        for Line { time, kind, who, text: said, quoted, .. } in &self.lines {
            let (who, said) = (escape_markdown(who), escape_markdown(&self.with_quoted(said, quoted)));
            match kind {
                Kind::Mark => text.push_str(&format!("\n*{time} — {who}{}*\n", colon(&said))),
                _ => text.push_str(&format!("\n**{who}** {time}\n\n> {}\n", said.replace('\n', "  \n> "))),
            }
        }
        text
    }

    fn html(&self) -> String {
        let mut body = String::new();
        for Line { time, kind, who, text: said, quoted, .. } in &self.lines {
            let (who, said, class) = (escape_html(who), escape_html(&self.with_quoted(said, quoted)), kind.word());
            match kind {
                Kind::Mark => body.push_str(&format!("<p class=\"mark\">{time} — {who}{}</p>\n", colon(&said))),
                _ => body.push_str(&format!(
                    "<div class=\"turn {class}\"><p class=\"who\">{who} <time>{time}</time></p><p class=\"said\" dir=\"auto\">{said}</p></div>\n"
                )),
            }
        }
        format!(
            "<!DOCTYPE html>\n<html lang=\"{}\" dir=\"{direction}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
             <title>{title}</title><style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n<p class=\"when\">{when}</p>\n{body}</body></html>\n",
            escape_html(&self.language),
            direction = if self.right_to_left { "rtl" } else { "ltr" },
            title = escape_html(&self.title),
            when = escape_html(&self.when),
        )
    }

    /// Returns what was said, with what it quotes after it, each of those lines with a mark.
    fn with_quoted(&self, said: &str, quoted: &str) -> String {
        if quoted.is_empty() {
            return said.to_owned();
        }
        let marked = quoted.split('\n').map(|line| if line.starts_with('>') { line.to_owned() } else { format!("> {line}") });
        format!("{said}\n[{}]\n{}", self.words.quotation, marked.collect::<Vec<String>>().join("\n"))
    }

    fn json(&self, chat_id: &str) -> String {
        let line = |line: &Line| {
            let Line { at, time, kind, who, text, quoted } = line;
            json!({ "at": at.to_string(), "time": time, "kind": kind.word(), "who": who, "text": text, "quoted": quoted })
        };
        let lines: Vec<_> = self.lines.iter().map(line).collect();
        let page = json!({ "chat_id": chat_id, "title": self.title, "when": self.when, "language": self.language, "customer": self.words.customer, "lines": lines });
        format!("{page:#}\n")
    }
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color:#1d2330;background:#fff}\
h1{font-size:1.3rem}.turn{margin:.8rem 0;padding:.6rem .9rem;border-radius:.7rem;background:#eef1f6;break-inside:avoid}\
.shop{background:#e6f2ec;margin-left:3rem}.customer{margin-right:3rem}.note{background:#fff6d6;border:1px dashed #c9a400}\
.who{margin:0;font-size:.85rem;color:#556}.said{margin:.2rem 0 0;white-space:pre-wrap;overflow-wrap:anywhere}\
.mark{text-align:center;font-size:.85rem;color:#667}.when{color:#556;font-size:.9rem;margin-top:-.6rem}\
@page{margin:18mm}@media print{body{margin:0;padding:0;max-width:none;font-size:11pt}\
.turn{border:1px solid #c8cedb;print-color-adjust:exact;-webkit-print-color-adjust:exact}h1{break-after:avoid}}";

fn when(chat: &Chat, zone: &TimeZone) -> String {
    let day = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%d").to_string();
    let (first, last) = (day(chat.summary.opened_at), day(chat.summary.updated_at));
    let days = if first == last { first } else { format!("{first} – {last}") };
    let channel = match chat.summary.channel_name.as_str() {
        "" => String::new(),
        name => format!(", {}", on_one_line(name)),
    };
    format!("{days} ({}){channel}", zone.iana_name().unwrap_or("UTC"))
}

fn colon(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

/// Every ASCII punctuation mark may be escaped in CommonMark; those that could begin markup are.
fn escape_markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut line_begins = true;
    for letter in text.chars() {
        // Spaces at a line's beginning would make code of it.
        if line_begins && matches!(letter, ' ' | '\t') {
            escaped.push('\u{a0}');
            continue;
        }
        line_begins = letter == '\n';
        if matches!(
            letter,
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '(' | ')' | '#' | '+' | '-' | '!' | '|' | '~' | '&' | '=' | '.'
        ) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_stays_text() {
        let page = Page {
            title: "<script>".into(),
            when: "1970-01-01 (UTC)".into(),
            language: "en".into(),
            right_to_left: false,
            words: &lexicon_or_english(&Language::parse("en").unwrap()).words.transcript,
            lines: vec![Line {
                at: Timestamp::UNIX_EPOCH,
                time: "1970-01-01 00:00".into(),
                kind: Kind::Customer,
                who: "\"><img src=x>".into(),
                text: "<b onmouseover=alert(1)> **bold** [x](javascript:1)".into(),
                quoted: "<b id=q>".into(),
            }],
        };
        let html = page.html();
        assert!(!html.contains("<script>") && !html.contains("<img") && !html.contains("<b "), "{html}");
        assert!(page.markdown().contains("\\*\\*bold\\*\\* \\[x\\]\\(javascript"));
    }
}
