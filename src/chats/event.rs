//! The events of a chat.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{chats::internal::Internal, ids::Id, text::Language};

/// A stored event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub event_id: Id,
    pub at: Timestamp,
    /// 1, 2, 3 … within the chat.
    pub sequence: i64,
    /// Whether its text was wiped.
    pub redacted: bool,
    pub body: EventBody,
}

/// An event that a client asks to append.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    pub event_id: Id,
    /// `None`: the service's clock.
    pub at: Option<Timestamp>,
    pub body: EventBody,
}

/// The content of an event. The names of kinds and fields are those of the stored JSON; empty fields are not stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventBody {
    Opened(Opened),
    Message(Message),
    Note(Note),
    Customer(Customer),
    Form(Form),
    Record(Record),
    PageView(PageView),
    Transfer(Transfer),
    Topic { topic: String },
    Resolved,
    Reopened,
    Ticket(Ticket),
    Rating(Rating),
    Redaction { event_id: Id },
}

/// Where a chat takes place. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(i16)]
pub enum Channel {
    #[default]
    Unknown = 0,
    WebChat = 1,
    Email = 2,
    ContactForm = 3,
    Whatsapp = 4,
    Messenger = 5,
    Instagram = 6,
    InApp = 7,
    Phone = 8,
    Ticket = 9,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    pub channel: Channel,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    Customer,
    Agent,
    Bot,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub author: Author,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author_id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author_name: String,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attachment {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub media_type: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
}

/// Internal: never shown to the customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Note {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent_id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent_name: String,
    pub text: Internal,
}

/// Facts about the customer. Empty fields leave earlier values unchanged.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Customer {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub customer_id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub email: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub phone: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub location: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub browser: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub operating_system: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub device: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Form {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answers: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub source: String,
    pub reference: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageView {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    pub seconds: i32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub from_agent_id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub to_agent_id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub to_agent_name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub to_group: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    pub ticket_id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reply_to: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rating {
    pub score: i32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

impl EventBody {
    /// Removes everything that a chat's summary does not depend on.
    pub fn lighten(&mut self) {
        match self {
            EventBody::Message(message) => {
                message.text = String::new();
                message.attachments = Vec::new();
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
            EventBody::Opened(Opened { channel: _, group: _, subject }) => subject.clear(),
            EventBody::Message(Message { author: _, author_id: _, author_name: _, text, language: _, attachments }) => {
                text.clear();
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
