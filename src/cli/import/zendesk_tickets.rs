//! Zendesk's tickets as chats: a comment is a message, or an internal note if it is not public.

use std::collections::HashMap;

use serde_json::Value;

use crate::{
    api::pb,
    cli::import::{
        account::{Account, Place},
        body::text_of,
        chat::{ChatBuilder, NewChat, Writer},
        object::{Object, plain},
    },
};

/// The people and groups of an account.
#[derive(Default)]
pub struct People {
    users: HashMap<String, User>,
    groups: HashMap<String, String>,
}

#[derive(Clone, Default)]
struct User {
    name: String,
    email: String,
    phone: String,
    locale: String,
    /// `end-user`, `agent` or `admin`; empty if unknown.
    role: String,
}

impl User {
    fn of(object: &mut Object) -> User {
        User {
            name: object.text("name"),
            email: object.text("email"),
            phone: object.text("phone"),
            locale: object.text("locale"),
            role: object.text("role"),
        }
    }
}

impl People {
    pub fn add_user(&mut self, object: &mut Object) {
        self.users.insert(object.id().to_owned(), User::of(object));
    }

    pub fn add_group(&mut self, object: &mut Object) {
        self.groups.insert(object.id().to_owned(), object.text("name"));
    }

    /// A group's name, or its id if no file names it.
    pub fn group(&self, id: &str) -> String {
        self.groups.get(id).filter(|name| !name.is_empty()).cloned().unwrap_or_else(|| id.to_owned())
    }

    /// A person that an object holds whole, or names by id.
    fn person(&self, object: &mut Object, name: &str) -> (String, User) {
        let id = object.text(&format!("{name}_id"));
        match object.object(name, "person") {
            Some(mut person) => (if id.is_empty() { person.id().to_owned() } else { id }, User::of(&mut person)),
            None => {
                let user = self.users.get(&id).cloned().unwrap_or_default();
                (id, user)
            }
        }
    }
}

/// The chat of a ticket.
pub fn ticket(mut ticket: Object, place: &Place, people: &People, account: &mut Account) -> Result<NewChat, String> {
    let id = ticket.id().to_owned();
    let Some(created) = ticket.time("created_at") else { return Err(format!("ticket {id} has no time `created_at`")) };
    let updated = ticket.time("updated_at").unwrap_or(created);
    let (requester_id, requester) = people.person(&mut ticket, "requester");
    let (assignee_id, _) = people.person(&mut ticket, "assignee");
    let group = match ticket.object("group", "group") {
        Some(mut group) => group.text("name"),
        None => people.group(&ticket.text("group_id")),
    };
    let via = ticket.object("via", "ticket.via").map(|mut via| via.text("channel")).unwrap_or_default();
    let (channel, channel_name) = channel(&via);
    let subject = ticket.text("subject");
    let tags = ticket.texts("tags");
    let status = ticket.text("status");
    let description = ticket.text("description");
    let comments = ticket.list("comments");
    let rating = ticket.object("satisfaction_rating", "ticket.satisfaction_rating");
    let values = values(&mut ticket, &tags, &status, &assignee_id);

    let mut chat = ChatBuilder::new(&format!("zendesk-{id}"), place.clone(), account);
    chat.opened(created, channel, &channel_name, &group, &subject);
    let customer = pb::Customer {
        customer_id: if requester_id.is_empty() { String::new() } else { format!("zendesk-{requester_id}") },
        name: requester.name.clone(),
        email: requester.email.clone(),
        phone: requester.phone.clone(),
        language: requester.locale.clone(),
        ..pb::Customer::default()
    };
    chat.customer(created, customer);
    chat.record(created, "zendesk", &id, values, &ticket.text("url").replace("/api/v2", "").replace(".json", ""));
    if comments.is_empty() {
        let writer = Writer { id: requester_id.clone(), name: requester.name.clone() };
        chat.message("description", created, pb::Author::Customer, &writer, &description, Vec::new());
    }
    for comment in comments {
        comment_of(comment, &mut chat, people, (&requester_id, &requester), created);
    }
    if matches!(status.as_str(), "solved" | "closed") {
        let at = chat.latest().unwrap_or(updated).max(updated);
        chat.resolved(at, tags.first().map(String::as_str).unwrap_or_default());
    }
    if let Some(mut rating) = rating {
        let score = match rating.text("score").as_str() {
            "good" => Some(5),
            "bad" => Some(1),
            _ => None,
        };
        if let Some(score) = score {
            let at = rating.time("updated_at").or_else(|| rating.time("created_at")).unwrap_or(updated);
            chat.rating(at, score, &rating.text("comment"));
        }
    }
    let chat = chat.finish();
    ticket.skip(&[
        "raw_subject",
        "submitter",
        "submitter_id",
        "generated_timestamp",
        "allow_channelback",
        "allow_attachments",
        "from_messaging_channel",
        "is_public",
        "has_incidents",
        "fields",
        "encoded_id",
    ]);
    ticket.left(account);
    Ok(chat)
}

/// What a ticket says beside its comments.
fn values(ticket: &mut Object, tags: &[String], status: &str, assignee_id: &str) -> HashMap<String, String> {
    let mut values: HashMap<String, String> = HashMap::from([
        ("status".to_owned(), status.to_owned()),
        ("tags".to_owned(), tags.join(", ")),
        ("assignee".to_owned(), assignee_id.to_owned()),
    ]);
    for name in ["priority", "type", "external_id", "due_at", "problem_id"] {
        values.insert(name.to_owned(), ticket.text(name));
    }
    for field in ticket.list("custom_fields") {
        let Ok(mut field) = Object::new("custom field", field) else { continue };
        let value = match field.value("value") {
            Value::Array(values) => values.iter().map(plain).collect::<Vec<String>>().join(", "),
            value => plain(&value),
        };
        values.insert(format!("field_{}", field.id()), value);
    }
    values.retain(|_, value| !value.is_empty());
    values
}

fn comment_of(
    value: Value,
    chat: &mut ChatBuilder<'_>,
    people: &People,
    (requester_id, requester): (&str, &User),
    created: jiff::Timestamp,
) {
    let Ok(mut comment) = Object::new("comment", value) else {
        return chat.account().list("comments that are no object", requester_id);
    };
    let (author_id, mut author) = people.person(&mut comment, "author");
    let is_requester = author_id == requester_id;
    if is_requester && author.name.is_empty() {
        author = requester.clone();
    }
    let id = format!("comment-{}", comment.id());
    if comment.id().is_empty() {
        return chat.account().list("comments without an id, left out", requester_id);
    }
    let at = comment.time("created_at").unwrap_or_else(|| {
        chat.account().list("comments without a time, at the ticket's", &id);
        created
    });
    let text = match comment.text("plain_body") {
        plain if !plain.trim().is_empty() => plain,
        _ => comment.text("body"),
    };
    let html = comment.text("html_body");
    let text = if text.trim().is_empty() { text_of(&html) } else { text };
    let files: Vec<pb::Attachment> = comment.list("attachments").into_iter().filter_map(attachment).collect();
    let writer = Writer { id: author_id, name: author.name };
    // Whatever is not said to be public is internal.
    if comment.flag("public") {
        let is_agent = match author.role.as_str() {
            "end-user" => false,
            "agent" | "admin" => true,
            _ => !is_requester,
        };
        if author.role.is_empty() && is_agent {
            chat.account().list("comments of an author whose role no file says, taken as an agent's", &id);
        }
        chat.message(&id, at, if is_agent { pb::Author::Agent } else { pb::Author::Customer }, &writer, &text, files);
    } else {
        chat.note(&id, at, &writer, &text, &files);
    }
    comment.skip(&["type", "audit_id", "via", "metadata", "ticket_id", "plain_body", "body"]);
    comment.left(chat.account());
}

fn attachment(value: Value) -> Option<pb::Attachment> {
    let mut file = Object::new("attachment", value).ok()?;
    Some(pb::Attachment {
        name: file.text("file_name"),
        media_type: file.text("content_type"),
        url: file.text("content_url"),
        text: String::new(),
    })
}

fn channel(via: &str) -> (pb::Channel, String) {
    let channel = match via {
        "email" => pb::Channel::Email,
        "web" | "" | "api" | "closed_ticket" | "rule" | "system" => pb::Channel::Ticket,
        "web_widget" | "help_center" | "web_form" => pb::Channel::ContactForm,
        "chat" | "native_messaging" | "messaging" => pb::Channel::WebChat,
        "whatsapp" => pb::Channel::Whatsapp,
        "facebook" | "facebook_messenger" => pb::Channel::Messenger,
        "instagram_dm" => pb::Channel::Instagram,
        "mobile_sdk" | "mobile" => pb::Channel::InApp,
        "voice" | "phone" => pb::Channel::Phone,
        other => return (pb::Channel::Other, other.to_owned()),
    };
    (channel, String::new())
}
