//! What happened in a chat.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::text::{Id, Language, fingerprint};

/// An event as it is kept.
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

/// What happened. The names of kinds and fields are those of the stored JSON.
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
    pub group: String,
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
    pub author_id: String,
    pub author_name: String,
    pub text: String,
    pub language: Option<Language>,
    pub attachments: Vec<Attachment>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attachment {
    pub name: String,
    pub media_type: String,
    pub url: String,
}

/// Internal: never for the customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Note {
    pub agent_id: String,
    pub agent_name: String,
    pub text: String,
}

/// What is known about the customer. Empty fields leave what was known.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Customer {
    pub customer_id: String,
    pub name: String,
    pub email: String,
    pub phone: String,
    pub language: Option<Language>,
    pub location: String,
    pub browser: String,
    pub operating_system: String,
    pub device: String,
    pub attributes: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Form {
    pub answers: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub source: String,
    pub reference: String,
    pub values: BTreeMap<String, String>,
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageView {
    pub url: String,
    pub title: String,
    pub seconds: i32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    pub from_agent_id: String,
    pub to_agent_id: String,
    pub to_agent_name: String,
    pub to_group: String,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    pub ticket_id: String,
    pub reply_to: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rating {
    pub score: i32,
    pub comment: String,
}

impl EventBody {
    /// Tells two contents apart without keeping the text twice.
    pub fn hash(&self) -> String {
        let json = serde_json::to_vec(self).expect("an event has only string keys");
        fingerprint(json)
    }

    /// Wipes everything that people wrote or that tells who they are; what only orders the chat stays.
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
