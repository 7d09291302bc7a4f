//! A chat of a source, as events within the API's limits. Ids are made from the source's own, so that a second run makes the same.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::{
    api::pb::{self, event::Body},
    cli::import::account::{Account, Place},
    ids::Id,
    text::fingerprint,
};

/// Longest text of a message, in characters.
const MAX_TEXT: usize = 32_000;
const MAX_SUBJECT: usize = 1000;
const MAX_ADDRESS: usize = 2000;
const MAX_EMAIL_BYTES: usize = 320;
const MAX_ATTACHMENTS: usize = 50;
const MAX_ENTRIES: usize = 100;

/// A chat to append.
#[derive(Debug)]
pub struct NewChat {
    pub chat_id: String,
    pub events: Vec<pb::Event>,
    pub place: Place,
}

/// Who wrote a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Writer {
    pub id: String,
    pub name: String,
}

/// A chat while its events are gathered.
pub struct ChatBuilder<'a> {
    chat: NewChat,
    account: &'a mut Account,
}

impl<'a> ChatBuilder<'a> {
    /// A chat of this id; one that is too long is shortened, and stays unique.
    pub fn new(chat_id: &str, place: Place, account: &'a mut Account) -> ChatBuilder<'a> {
        ChatBuilder { chat: NewChat { chat_id: short_id(chat_id), events: Vec::new(), place }, account }
    }

    /// The account of the run.
    pub fn account(&mut self) -> &mut Account {
        self.account
    }

    /// The chat's beginning.
    pub fn opened(&mut self, at: Timestamp, channel: pb::Channel, channel_name: &str, group: &str, subject: &str) {
        let channel_name = if channel == pb::Channel::Other { cut(&line(channel_name), 64) } else { String::new() };
        let subject = self.shortened("subject", subject, MAX_SUBJECT);
        let opened = pb::Opened { channel: channel.into(), group: name(group), subject, channel_name };
        self.changing("opened", at, Body::Opened(opened));
    }

    /// What is known about the customer.
    pub fn customer(&mut self, at: Timestamp, customer: pb::Customer) {
        let pb::Customer { customer_id, name: full_name, email, phone, language, location, browser, operating_system, device, attributes } =
            customer;
        let customer = pb::Customer {
            customer_id: short_id(&customer_id),
            name: name(&full_name),
            email: cut_bytes(&line(&email), MAX_EMAIL_BYTES),
            phone: name(&phone),
            language: crate::text::Language::parse(&language).map(|language| language.to_string()).unwrap_or_default(),
            location: name(&location),
            browser: name(&browser),
            operating_system: name(&operating_system),
            device: name(&device),
            attributes: self.entries("customer's attributes", attributes),
        };
        if customer != pb::Customer::default() {
            self.changing("customer", at, Body::Customer(customer));
        }
    }

    /// A message; one that is longer than the API takes becomes several.
    pub fn message(&mut self, id: &str, at: Timestamp, author: pb::Author, writer: &Writer, text: &str, files: Vec<pb::Attachment>) {
        let mut files: Vec<pb::Attachment> = files.into_iter().map(attachment).collect();
        if files.len() > MAX_ATTACHMENTS {
            self.account.list(format!("files beyond the first {MAX_ATTACHMENTS} of a message"), &self.chat.chat_id);
            files.truncate(MAX_ATTACHMENTS);
        }
        if text.trim().is_empty() && files.is_empty() {
            return self.account.list("messages without text and files", id);
        }
        for (part_id, part) in self.parts(id, text) {
            let message = pb::Message {
                author: author.into(),
                author_id: short_id(&writer.id),
                author_name: name(&writer.name),
                text: part,
                language: String::new(),
                attachments: std::mem::take(&mut files),
                quoted_text: String::new(),
            };
            self.push(part_id, at, Body::Message(message));
        }
    }

    /// An internal note.
    pub fn note(&mut self, id: &str, at: Timestamp, writer: &Writer, text: &str, files: &[pb::Attachment]) {
        for file in files {
            self.account.list(format!("file of an internal note ({})", cut(&line(&file.name), 40)), id);
        }
        if text.trim().is_empty() {
            return self.account.list("notes without text", id);
        }
        for (part_id, text) in self.parts(id, text) {
            let note = pb::Note { agent_id: short_id(&writer.id), agent_name: name(&writer.name), text };
            self.push(part_id, at, Body::Note(note));
        }
    }

    /// What the source knows about the chat beside its messages.
    pub fn record(&mut self, at: Timestamp, source: &str, reference: &str, values: HashMap<String, String>, url: &str) {
        let values = self.entries("record", values);
        if values.is_empty() {
            return;
        }
        let record = pb::Record { source: source.to_owned(), reference: short_id(reference), values, url: cut(&line(url), MAX_ADDRESS) };
        self.changing("record", at, Body::Record(record));
    }

    /// The chat's end: what it was about, and that it is done.
    pub fn resolved(&mut self, at: Timestamp, topic: &str) {
        let topic = Some(name(topic)).filter(|topic| !topic.is_empty()).unwrap_or_else(|| "imported".to_owned());
        self.changing("topic", at, Body::Topic(pb::Topic { topic }));
        self.changing("resolved", at, Body::Resolved(pb::Resolved {}));
    }

    /// The time of the latest event so far.
    pub fn latest(&self) -> Option<Timestamp> {
        let times = self.chat.events.iter().filter_map(|event| event.at.as_ref());
        times.filter_map(|at| Timestamp::new(at.seconds, at.nanos).ok()).max()
    }

    /// The customer's rating, 1 to 5.
    pub fn rating(&mut self, at: Timestamp, score: i32, comment: &str) {
        let comment = cut(&text(comment), MAX_TEXT);
        self.changing("rating", at, Body::Rating(pb::Rating { score, comment }));
    }

    /// The chat in the order of its times, as far as it has any event.
    pub fn finish(mut self) -> NewChat {
        // What has the same time stays in the order in which it was gathered.
        self.chat.events.sort_by_key(|event| event.at.map(|at| (at.seconds, at.nanos)));
        self.chat
    }

    /// An event whose content may be another in a later export: its id is made from the content, so that both can stand in the chat.
    fn changing(&mut self, id: &str, at: Timestamp, body: Body) {
        let content = canonical(&body);
        self.push(format!("{id}-{}", &fingerprint(format!("{at} {content}"))[..12]), at, body);
    }

    fn push(&mut self, event_id: String, at: Timestamp, body: Body) {
        let at = prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() };
        self.chat.events.push(pb::Event { event_id: short_id(&event_id), at: Some(at), sequence: 0, redacted: false, body: Some(body) });
    }

    fn parts(&mut self, id: &str, whole: &str) -> Vec<(String, String)> {
        let whole = text(whole);
        let letters: Vec<char> = whole.trim().chars().collect();
        if letters.len() <= MAX_TEXT {
            return vec![(id.to_owned(), letters.into_iter().collect())];
        }
        self.account.list(format!("messages of more than {MAX_TEXT} characters, which became several"), id);
        let parts = letters.chunks(MAX_TEXT).enumerate();
        parts.map(|(number, part)| (if number == 0 { id.to_owned() } else { format!("{id}.{number}") }, part.iter().collect())).collect()
    }

    fn shortened(&mut self, what: &str, value: &str, most: usize) -> String {
        let whole = line(value);
        let short = cut(&whole, most);
        if short != whole {
            self.account.list(format!("{what} longer than {most} characters, shortened"), &self.chat.chat_id);
        }
        short
    }

    fn entries(&mut self, what: &str, entries: HashMap<String, String>) -> HashMap<String, String> {
        let mut sorted: Vec<(String, String)> = entries.into_iter().filter(|(_, value)| !value.trim().is_empty()).collect();
        sorted.sort();
        let mut room = MAX_TEXT;
        let mut kept = HashMap::new();
        for (key, value) in sorted {
            let (key, value) = (short_id(&key), text(&value));
            let length = value.chars().count();
            if key.is_empty() || kept.len() == MAX_ENTRIES || length > room {
                self.account.list(format!("entries of a {what} beyond the limits"), &self.chat.chat_id);
                continue;
            }
            room -= length;
            kept.insert(key, value);
        }
        kept
    }
}

/// A body's content, the same on every run: maps have no order of their own.
fn canonical(body: &Body) -> String {
    let sorted = |entries: &HashMap<String, String>| {
        let mut entries: Vec<(&String, &String)> = entries.iter().collect();
        entries.sort();
        format!("{entries:?}")
    };
    match body {
        Body::Customer(customer) => {
            format!("{:?} {}", pb::Customer { attributes: HashMap::new(), ..customer.clone() }, sorted(&customer.attributes))
        }
        Body::Record(record) => format!("{:?} {}", pb::Record { values: HashMap::new(), ..record.clone() }, sorted(&record.values)),
        other => format!("{other:?}"),
    }
}

fn attachment(file: pb::Attachment) -> pb::Attachment {
    let pb::Attachment { name: file_name, media_type, url, text: _ } = file;
    let file_name = Some(name(&file_name)).filter(|name| !name.is_empty()).unwrap_or_else(|| "file".to_owned());
    pb::Attachment { name: file_name, media_type: name(&media_type), url: cut(&line(&url), MAX_ADDRESS), text: String::new() }
}

/// A text without NUL, which is allowed nowhere.
fn text(text: &str) -> String {
    text.replace('\0', "")
}

fn line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect::<String>().trim().to_owned()
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

fn cut_bytes(text: &str, most: usize) -> String {
    text[..text.floor_char_boundary(most)].to_owned()
}

/// A name of at most 200 bytes on one line.
pub fn name(text: &str) -> String {
    cut_bytes(&line(text), Id::MAX_BYTES)
}

/// An id of at most 200 bytes without control characters. A longer one is cut and gets a fingerprint, so that it stays unique.
pub fn short_id(id: &str) -> String {
    let id = line(id);
    if id.len() <= Id::MAX_BYTES { id } else { format!("{}-{}", cut_bytes(&id, 160), fingerprint(&id)) }
}
