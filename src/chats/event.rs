//! The events of a chat.

use std::{borrow::Cow, collections::BTreeMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{chats::internal::Internal, ids::Id, text::Language};

/// A stored event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Chosen by the client, unique within its chat.
    pub event_id: Id,
    /// When it happened: as the client reported it, else when it was appended.
    pub at: Timestamp,
    /// 1, 2, 3 … within the chat.
    pub sequence: i64,
    /// Whether its text was wiped.
    pub redacted: bool,
    /// What happened; emptied of text if it was redacted.
    pub body: EventBody,
}

/// An event that a client asks to append.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Chosen by the client. Appended again with the same content it changes nothing, with other content it is refused.
    pub event_id: Id,
    /// `None`: the service's clock.
    pub at: Option<Timestamp>,
    /// What happened.
    pub body: EventBody,
}

/// The content of an event. The names of kinds and fields are those of the stored JSON; empty fields are not stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventBody {
    /// The chat began. Optional: any event may be a chat's first.
    Opened(Opened),
    /// Somebody wrote to the other side.
    Message(Message),
    /// A colleague left an internal note.
    Note(Note),
    /// Facts about the customer were reported.
    Customer(Customer),
    /// The customer answered questions before the chat.
    Form(Form),
    /// The shop's own systems reported something about the matter.
    Record(Record),
    /// The customer looked at a page.
    PageView(PageView),
    /// The chat was handed over.
    Transfer(Transfer),
    /// The chat was given a topic, which replaces the one before.
    Topic {
        /// As the console names it, 1 to 200 bytes; empty after a redaction.
        topic: String,
    },
    /// The matter is done. Refused while the chat has no topic.
    Resolved,
    /// The matter is open again.
    Reopened,
    /// The chat goes on as a ticket.
    Ticket(Ticket),
    /// The customer rated the chat.
    Rating(Rating),
    /// Another event's text was wiped for good.
    Redaction {
        /// The wiped event, of the same chat; never a redaction itself.
        event_id: Id,
    },
}

/// Where a chat takes place. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(i16)]
pub enum Channel {
    /// No `opened` event named a channel yet.
    #[default]
    Unknown = 0,
    /// A chat window on a website.
    WebChat = 1,
    /// E-mail.
    Email = 2,
    /// A contact form on a website.
    ContactForm = 3,
    /// WhatsApp.
    Whatsapp = 4,
    /// Facebook Messenger.
    Messenger = 5,
    /// Instagram direct messages.
    Instagram = 6,
    /// A chat inside the shop's own app.
    InApp = 7,
    /// A transcribed phone call.
    Phone = 8,
    /// A helpdesk ticket.
    Ticket = 9,
    /// Any other; [`Opened::channel_name`] says which.
    Other = 10,
}

/// How a chat began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// Where the chat takes place.
    pub channel: Channel,
    /// What [`Channel::Other`] is called; up to 64 characters, empty if not given or on another channel.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub channel_name: String,
    /// The team it belongs to, such as `returns`; up to 200 bytes, empty if none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The subject line, up to 1,000 characters; empty if there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
}

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The customer.
    Customer,
    /// A person of the shop.
    Agent,
    /// An automatic message of the shop.
    Bot,
}

/// A message between the shop and the customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Which side wrote it.
    pub author: Author,
    /// The shop's id of the writer, such as the agent's; up to 200 bytes, empty if not given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author_id: String,
    /// The writer's name as the customer sees it; up to 200 bytes, empty if not given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author_name: String,
    /// What was written, plain or Markdown, up to 32,000 characters. Empty only with attachments or after a redaction.
    pub text: String,
    /// The language as the client reported it. `None`: it is detected when it is needed, and not stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Files sent along, up to 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// What the message quotes of earlier ones, if the console or the fold told it apart from `text`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub quoted_text: String,
}

impl Message {
    /// Returns what it says: its text and the texts of its files, as far as there are any.
    pub fn contents(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.text)
            .chain(self.attachments.iter().map(|attachment| &attachment.text))
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }

    /// Returns what was asked with it: its text, or those of its files if it has none, such as a voice message's.
    pub fn asked(&self) -> Cow<'_, str> {
        if self.text.trim().is_empty() { self.contents().collect::<Vec<&str>>().join("\n").into() } else { self.text.as_str().into() }
    }

    /// Returns the bytes of all its texts.
    pub fn bytes(&self) -> usize {
        self.contents().map(str::len).sum::<usize>() + self.quoted_text.len()
    }
}

/// The description of a file sent with a message. The file itself is never stored or fetched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its file name, 1 to 200 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its media type, such as `image/jpeg`; empty if not given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub media_type: String,
    /// Where a console finds it, up to 2,000 characters; empty if not given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// The text in it, as the console extracted it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// Internal: never shown to the customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// The shop's id of its writer, up to 200 bytes; empty if not given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent_id: String,
    /// Its writer's name, up to 200 bytes; empty if not given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent_name: String,
    /// What it says, up to 32,000 characters; empty only after a redaction.
    pub text: Internal,
}

/// Facts about the customer. Empty fields leave earlier values unchanged.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Customer {
    /// The shop's id of the person, up to 200 bytes. Another id than the chat's gives the chat to another customer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub customer_id: String,
    /// The full name as the shop writes it, up to 200 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The e-mail address, up to 320 bytes; not checked for its form.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// The phone number in any notation, up to 200 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub phone: String,
    /// The language that the customer wants, as the shop reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Where the customer is, in words, up to 200 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub location: String,
    /// The browser, in words, up to 200 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub browser: String,
    /// The operating system, in words, up to 200 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub operating_system: String,
    /// The device, in words, up to 200 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub device: String,
    /// Anything else that the shop knows, such as `loyalty: gold`, up to 100 entries. Merged with earlier ones by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

/// What the customer answered before the chat. Later answers to the same question replace earlier ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Form {
    /// Each question with its answer, 1 to 100 entries; empty only after a redaction.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answers: BTreeMap<String, String>,
}

/// What the shop's own systems know about the matter, such as an order. The latest of a source and reference counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Which system or kind it is of, such as `order`; 1 to 200 bytes.
    pub source: String,
    /// Which one of its source, such as the order number; 1 to 200 bytes.
    pub reference: String,
    /// What it says, such as `status: shipped`, up to 100 entries.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
    /// Where agents see it, up to 2,000 characters; empty if not given. Never fetched.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
}

/// A page that the customer looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageView {
    /// The page's address, up to 2,000 characters; empty only after a redaction.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// The page's title, up to 1,000 characters; empty if not given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// How long it was looked at; 0 if unknown.
    pub seconds: i32,
}

/// A handover of the chat: its agent is who takes over, or nobody until one of the team writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    /// The shop's id of who hands over; empty if not given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub from_agent_id: String,
    /// The shop's id of who takes over; empty if the chat goes to a team alone.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub to_agent_id: String,
    /// The receiver's name; empty if not given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub to_agent_name: String,
    /// The team that takes over; empty if it stays with the one before.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub to_group: String,
    /// Why, for colleagues, up to 1,000 characters. Internal like a note.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// The ticket as which a chat goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// Its id in the helpdesk, 1 to 200 bytes. A chat of that id belongs to this chat's context.
    pub ticket_id: String,
    /// The e-mail address that answers go to, up to 320 bytes; empty if not given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reply_to: String,
}

/// How the customer rated a chat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rating {
    /// From 1 (bad) to 5 (good).
    pub score: i32,
    /// What the customer wrote with it, up to 32,000 characters; empty if nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

impl EventBody {
    /// Returns the approximate bytes of its text.
    pub fn text_bytes(&self) -> usize {
        match self {
            EventBody::Message(message) => message.bytes(),
            EventBody::Note(note) => note.text.for_agents().len(),
            EventBody::Record(record) => record.values.iter().map(|(key, value)| key.len() + value.len()).sum(),
            EventBody::Form(form) => form.answers.iter().map(|(key, value)| key.len() + value.len()).sum(),
            _ => 0,
        }
    }

    /// Removes everything that a chat's summary does not depend on.
    pub fn lighten(&mut self) {
        match self {
            EventBody::Message(message) => {
                message.text = String::new();
                message.attachments = Vec::new();
                message.quoted_text = String::new();
            }
            EventBody::Note(Note { text, .. }) => text.clear(),
            EventBody::Customer(customer) => customer.attributes = BTreeMap::new(),
            EventBody::Form(Form { answers }) => *answers = BTreeMap::new(),
            EventBody::Record(Record { values, .. }) => *values = BTreeMap::new(),
            EventBody::Rating(Rating { comment, .. }) => *comment = String::new(),
            EventBody::PageView(PageView { url, title, .. }) => (*url, *title) = (String::new(), String::new()),
            EventBody::Opened(_)
            | EventBody::Transfer(_)
            | EventBody::Topic { .. }
            | EventBody::Resolved
            | EventBody::Reopened
            | EventBody::Ticket(_)
            | EventBody::Redaction { .. } => {}
        }
    }

    /// Wipes everything that people wrote or that identifies them; what only orders the chat stays.
    pub fn wipe(&mut self) {
        match self {
            EventBody::Opened(Opened { channel: _, channel_name: _, group: _, subject }) => subject.clear(),
            EventBody::Message(Message { author: _, author_id: _, author_name: _, text, language: _, attachments, quoted_text }) => {
                text.clear();
                quoted_text.clear();
                attachments.clear();
            }
            EventBody::Note(Note { agent_id: _, agent_name: _, text }) => text.clear(),
            EventBody::Customer(customer) => {
                let customer_id = std::mem::take(&mut customer.customer_id);
                *customer = Customer { customer_id, ..Customer::default() };
            }
            EventBody::Form(Form { answers }) => answers.clear(),
            EventBody::Record(Record { source: _, reference: _, values, url }) => {
                values.clear();
                url.clear();
            }
            EventBody::PageView(PageView { url, title, seconds: _ }) => {
                url.clear();
                title.clear();
            }
            EventBody::Transfer(Transfer { reason, .. }) => reason.clear(),
            EventBody::Topic { topic } => topic.clear(),
            EventBody::Ticket(Ticket { ticket_id: _, reply_to }) => reply_to.clear(),
            EventBody::Rating(Rating { score: _, comment }) => comment.clear(),
            EventBody::Resolved | EventBody::Reopened | EventBody::Redaction { .. } => {}
        }
    }
}
