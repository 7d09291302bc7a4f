//! Decodes and encodes events.

use std::collections::{BTreeMap, HashMap};

use crate::{
    api::{
        convert::{
            channel::{channel, encode_channel},
            fields::Fields,
        },
        pb,
    },
    chats::{
        Attachment, Author, Channel, Chat, Customer, Event, EventBody, Form, Internal, Message, NewEvent, Note, Opened, PageView, Rating,
        Record, Status, Summary, Ticket, Transfer,
    },
    ids::Id,
};

/// Largest number of events in a call.
const MAX_EVENTS: usize = 1000;
/// Longest message, note or record, in characters.
const MAX_TEXT: usize = 32_000;
const MAX_LINE: usize = 1000;
const MAX_ADDRESS: usize = 2000;
const MAX_EMAIL_BYTES: usize = 320;
const MAX_ENTRIES: usize = 100;
const MAX_ATTACHMENTS: usize = 50;
/// Longest text of a file, and of all files of a message, in characters.
const MAX_ATTACHMENT_TEXT: usize = 20_000;
const MAX_ATTACHMENT_TEXTS: usize = 60_000;
const MAX_CHANNEL_NAME: usize = 64;

/// Decodes the events of a call; `required`: at least one.
pub fn events(fields: &mut Fields, events: Vec<pb::Event>, required: bool) -> Vec<NewEvent> {
    if required && events.is_empty() {
        fields.invalid("events", "must have 1 to 1000 events");
    }
    if events.len() > MAX_EVENTS {
        fields.invalid("events", "must have at most 1000 events");
        return Vec::new();
    }
    events.into_iter().enumerate().filter_map(|(index, item)| event(fields, &format!("events[{index}]"), item)).collect()
}

fn event(fields: &mut Fields, path: &str, event: pb::Event) -> Option<NewEvent> {
    let pb::Event { event_id, at, sequence, redacted, body } = event;
    let event_id = fields.id(&format!("{path}.event_id"), event_id);
    let at = fields.past_time(&format!("{path}.at"), at);
    if sequence != 0 {
        fields.invalid(&format!("{path}.sequence"), "is set by the service; leave it unset");
    }
    if redacted {
        fields.invalid(&format!("{path}.redacted"), "is set by the service; leave it unset");
    }
    let Some(body) = body else {
        fields.invalid(&format!("{path}.body"), "is required");
        return None;
    };
    Some(NewEvent { event_id, at, body: decode_body(fields, path, body) })
}

fn decode_body(fields: &mut Fields, path: &str, body: pb::event::Body) -> EventBody {
    use pb::{event::Body, reported::What};
    let at = |field: &str| format!("{path}.{field}");
    match body {
        Body::Opened(body) => EventBody::Opened(opened(fields, &at("opened"), body)),
        Body::Message(body) => EventBody::Message(message(fields, &at("message"), body)),
        Body::Note(body) => EventBody::Note(note(fields, &at("note"), body)),
        Body::Customer(body) => EventBody::Customer(customer(fields, &at("customer"), body)),
        Body::Form(pb::Form { answers }) => EventBody::Form(Form { answers: entries(fields, &at("form.answers"), answers, true) }),
        Body::Record(pb::Record { source, reference, values, url }) => EventBody::Record(Record {
            source: fields.id(&at("record.source"), source).to_string(),
            reference: fields.id(&at("record.reference"), reference).to_string(),
            values: entries(fields, &at("record.values"), values, false),
            url: fields.text(&at("record.url"), url, MAX_ADDRESS),
        }),
        Body::PageView(pb::PageView { url, title, seconds }) => {
            if seconds < 0 {
                fields.invalid(&at("page_view.seconds"), "must not be negative");
            }
            EventBody::PageView(PageView {
                url: fields.required_text(&at("page_view.url"), url, MAX_ADDRESS),
                title: fields.text(&at("page_view.title"), title, MAX_LINE),
                seconds,
            })
        }
        Body::Transfer(pb::Transfer { from_agent_id, to_agent_id, to_agent_name, to_group, reason }) => {
            if to_agent_id.is_empty() && to_group.is_empty() {
                fields.invalid(&at("transfer.to_agent_id"), "is required unless to_group is set");
            }
            EventBody::Transfer(Transfer {
                from_agent_id: fields.short(&at("transfer.from_agent_id"), from_agent_id),
                to_agent_id: fields.short(&at("transfer.to_agent_id"), to_agent_id),
                to_agent_name: fields.short(&at("transfer.to_agent_name"), to_agent_name),
                to_group: fields.short(&at("transfer.to_group"), to_group),
                reason: fields.text(&at("transfer.reason"), reason, MAX_LINE),
            })
        }
        Body::Topic(pb::Topic { topic }) => EventBody::Topic { topic: fields.id(&at("topic.topic"), topic).to_string() },
        Body::Resolved(pb::Resolved {}) => EventBody::Resolved,
        Body::Reopened(pb::Reopened {}) => EventBody::Reopened,
        Body::Ticket(pb::Ticket { ticket_id, reply_to }) => EventBody::Ticket(Ticket {
            ticket_id: fields.id(&at("ticket.ticket_id"), ticket_id).to_string(),
            reply_to: fields.name(&at("ticket.reply_to"), reply_to, MAX_EMAIL_BYTES),
        }),
        Body::Rating(pb::Rating { score, comment }) => {
            if !(1..=5).contains(&score) {
                fields.invalid(&at("rating.score"), "must be from 1 to 5");
            }
            EventBody::Rating(Rating { score, comment: fields.text(&at("rating.comment"), comment, MAX_TEXT) })
        }
        Body::Redaction(pb::Redaction { event_id }) => EventBody::Redaction { event_id: fields.id(&at("redaction.event_id"), event_id) },
        Body::Reported(pb::Reported { what: Some(What::Message(body)) }) => {
            EventBody::Message(message(fields, &at("reported.message"), body))
        }
        Body::Reported(pb::Reported { what: Some(What::Note(body)) }) => EventBody::Note(note(fields, &at("reported.note"), body)),
        Body::Reported(pb::Reported { what: None }) => {
            fields.invalid(&at("reported.what"), "is required: a message or a note");
            EventBody::Reopened
        }
    }
}

fn note(fields: &mut Fields, path: &str, note: pb::Note) -> Note {
    let pb::Note { agent_id, agent_name, text } = note;
    Note {
        agent_id: fields.short(&format!("{path}.agent_id"), agent_id),
        agent_name: fields.short(&format!("{path}.agent_name"), agent_name),
        text: Internal::new(fields.required_text(&format!("{path}.text"), text, MAX_TEXT)),
    }
}

fn opened(fields: &mut Fields, path: &str, opened: pb::Opened) -> Opened {
    let pb::Opened { channel: number, group, subject, channel_name } = opened;
    let channel = channel(number).unwrap_or_else(|| {
        fields.invalid(&format!("{path}.channel"), "is required, and must be a known channel");
        Channel::Unknown
    });
    let name_path = format!("{path}.channel_name");
    if channel_name.chars().count() > MAX_CHANNEL_NAME {
        fields.invalid(&name_path, format!("must have at most {MAX_CHANNEL_NAME} characters"));
    } else if !channel_name.is_empty() && channel != Channel::Other {
        fields.invalid(&name_path, "is for CHANNEL_OTHER alone; leave it unset");
    }
    Opened {
        channel,
        channel_name: fields.name(&name_path, channel_name, 4 * MAX_CHANNEL_NAME),
        group: fields.short(&format!("{path}.group"), group),
        subject: fields.text(&format!("{path}.subject"), subject, MAX_LINE),
    }
}

fn message(fields: &mut Fields, path: &str, message: pb::Message) -> Message {
    let pb::Message { author, author_id, author_name, text, language, attachments, quoted_text } = message;
    let author = match pb::Author::try_from(author) {
        Ok(pb::Author::Customer) => Author::Customer,
        Ok(pb::Author::Agent) => Author::Agent,
        Ok(pb::Author::Bot) => Author::Bot,
        Ok(pb::Author::Unspecified) | Err(_) => {
            fields.invalid(&format!("{path}.author"), "is required: AUTHOR_CUSTOMER, AUTHOR_AGENT or AUTHOR_BOT");
            Author::Bot
        }
    };
    if text.trim().is_empty() && attachments.is_empty() {
        fields.invalid(&format!("{path}.text"), "is required unless there are attachments");
    }
    if attachments.len() > MAX_ATTACHMENTS {
        fields.invalid(&format!("{path}.attachments"), format!("must have at most {MAX_ATTACHMENTS} files"));
    }
    if attachments.iter().map(|attachment| attachment.text.chars().count()).sum::<usize>() > MAX_ATTACHMENT_TEXTS {
        fields.invalid(&format!("{path}.attachments"), format!("must have at most {MAX_ATTACHMENT_TEXTS} characters in all their texts"));
    }
    let attachments = attachments
        .into_iter()
        .take(MAX_ATTACHMENTS)
        .enumerate()
        .map(|(index, pb::Attachment { name, media_type, url, text })| {
            let path = format!("{path}.attachments[{index}]");
            Attachment {
                name: fields.id(&format!("{path}.name"), name).to_string(),
                media_type: fields.short(&format!("{path}.media_type"), media_type),
                url: fields.text(&format!("{path}.url"), url, MAX_ADDRESS),
                text: fields.text(&format!("{path}.text"), text, MAX_ATTACHMENT_TEXT),
            }
        })
        .collect();
    Message {
        author,
        author_id: fields.short(&format!("{path}.author_id"), author_id),
        author_name: fields.short(&format!("{path}.author_name"), author_name),
        text: fields.text(&format!("{path}.text"), text, MAX_TEXT),
        language: fields.optional_language(&format!("{path}.language"), &language),
        attachments,
        quoted_text: fields.text(&format!("{path}.quoted_text"), quoted_text, MAX_TEXT),
    }
}

fn customer(fields: &mut Fields, path: &str, customer: pb::Customer) -> Customer {
    let pb::Customer { customer_id, name, email, phone, language, location, browser, operating_system, device, attributes } = customer;
    Customer {
        customer_id: fields.short(&format!("{path}.customer_id"), customer_id),
        name: fields.short(&format!("{path}.name"), name),
        email: fields.name(&format!("{path}.email"), email, MAX_EMAIL_BYTES),
        phone: fields.short(&format!("{path}.phone"), phone),
        language: fields.optional_language(&format!("{path}.language"), &language),
        location: fields.short(&format!("{path}.location"), location),
        browser: fields.short(&format!("{path}.browser"), browser),
        operating_system: fields.short(&format!("{path}.operating_system"), operating_system),
        device: fields.short(&format!("{path}.device"), device),
        attributes: entries(fields, &format!("{path}.attributes"), attributes, false),
    }
}

fn entries(fields: &mut Fields, path: &str, entries: HashMap<String, String>, required: bool) -> BTreeMap<String, String> {
    if required && entries.is_empty() {
        fields.invalid(path, "must have 1 to 100 entries");
    }
    if entries.len() > MAX_ENTRIES {
        fields.invalid(path, format!("must have at most {MAX_ENTRIES} entries"));
    }
    if entries.values().map(|value| value.chars().count()).sum::<usize>() > MAX_TEXT {
        fields.invalid(path, format!("must have at most {MAX_TEXT} characters in all its values"));
    }
    let entries: BTreeMap<String, String> = entries.into_iter().collect();
    for (key, value) in &entries {
        let entry = format!("{path}[\"{}\"]", key.chars().filter(|letter| !letter.is_control()).take(50).collect::<String>());
        if let Err(problem) = Id::new(key.as_str()) {
            fields.invalid(&entry, format!("has a key that {problem}"));
        }
        if value.contains('\0') {
            fields.invalid(&entry, "must not contain NUL");
        }
    }
    entries
}

/// Encodes a time.
pub fn encode_time(time: jiff::Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() }
}

fn tag(language: Option<crate::text::Language>) -> String {
    language.map(|language| language.to_string()).unwrap_or_default()
}

/// Encodes an event.
pub fn encode_event(event: Event) -> pb::Event {
    use pb::event::Body;
    let Event { event_id, at, sequence, redacted, body } = event;
    let body = match body {
        EventBody::Opened(Opened { channel, channel_name, group, subject }) => {
            Body::Opened(pb::Opened { channel: encode_channel(channel).into(), group, subject, channel_name })
        }
        EventBody::Message(Message { author, author_id, author_name, text, language, attachments, quoted_text }) => {
            Body::Message(pb::Message {
                author: match author {
                    Author::Customer => pb::Author::Customer,
                    Author::Agent => pb::Author::Agent,
                    Author::Bot => pb::Author::Bot,
                }
                .into(),
                author_id,
                author_name,
                text,
                language: tag(language),
                attachments: attachments
                    .into_iter()
                    .map(|Attachment { name, media_type, url, text }| pb::Attachment { name, media_type, url, text })
                    .collect(),
                quoted_text,
            })
        }
        EventBody::Note(Note { agent_id, agent_name, text }) => {
            Body::Note(pb::Note { agent_id, agent_name, text: text.for_agents().to_owned() })
        }
        EventBody::Customer(customer) => Body::Customer(encode_customer(customer)),
        EventBody::Form(Form { answers }) => Body::Form(pb::Form { answers: answers.into_iter().collect() }),
        EventBody::Record(record) => Body::Record(encode_record(record)),
        EventBody::PageView(PageView { url, title, seconds }) => Body::PageView(pb::PageView { url, title, seconds }),
        EventBody::Transfer(Transfer { from_agent_id, to_agent_id, to_agent_name, to_group, reason }) => {
            Body::Transfer(pb::Transfer { from_agent_id, to_agent_id, to_agent_name, to_group, reason })
        }
        EventBody::Topic { topic } => Body::Topic(pb::Topic { topic }),
        EventBody::Resolved => Body::Resolved(pb::Resolved {}),
        EventBody::Reopened => Body::Reopened(pb::Reopened {}),
        EventBody::Ticket(ticket) => Body::Ticket(encode_ticket(ticket)),
        EventBody::Rating(rating) => Body::Rating(encode_rating(rating)),
        EventBody::Redaction { event_id } => Body::Redaction(pb::Redaction { event_id: event_id.to_string() }),
    };
    pb::Event { event_id: event_id.to_string(), at: Some(encode_time(at)), sequence, redacted, body: Some(body) }
}

fn encode_customer(customer: Customer) -> pb::Customer {
    let Customer { customer_id, name, email, phone, language, location, browser, operating_system, device, attributes } = customer;
    pb::Customer {
        customer_id,
        name,
        email,
        phone,
        language: tag(language),
        location,
        browser,
        operating_system,
        device,
        attributes: attributes.into_iter().collect(),
    }
}

fn encode_record(record: Record) -> pb::Record {
    let Record { source, reference, values, url } = record;
    pb::Record { source, reference, values: values.into_iter().collect(), url }
}

fn encode_ticket(ticket: Ticket) -> pb::Ticket {
    let Ticket { ticket_id, reply_to } = ticket;
    pb::Ticket { ticket_id, reply_to }
}

fn encode_rating(rating: Rating) -> pb::Rating {
    let Rating { score, comment } = rating;
    pb::Rating { score, comment }
}

/// Encodes a chat's summary, for lists.
pub fn encode_summary(chat_id: String, summary: Summary) -> pb::Chat {
    let Summary {
        status,
        channel,
        channel_name,
        group,
        subject,
        agent_id,
        agent_name,
        transferred: _,
        topic,
        customer_id,
        customer_name,
        ticket,
        opened_at,
        updated_at,
        last_sequence,
        message_count,
        bytes: _,
    } = summary;
    pb::Chat {
        chat_id,
        status: match status {
            Status::Open => pb::ChatStatus::Open,
            Status::Resolved => pb::ChatStatus::Resolved,
            Status::Ticket => pb::ChatStatus::Ticket,
        }
        .into(),
        channel: encode_channel(channel).into(),
        channel_name,
        group,
        subject,
        agent_id,
        agent_name,
        topic,
        customer: Some(pb::Customer { customer_id, name: customer_name, ..pb::Customer::default() }),
        form_answers: HashMap::new(),
        records: Vec::new(),
        ticket: ticket.map(encode_ticket),
        rating: None,
        opened_at: Some(encode_time(opened_at)),
        updated_at: Some(encode_time(updated_at)),
        last_sequence,
        message_count,
        earlier_chat_ids: Vec::new(),
    }
}

/// Encodes a complete chat.
pub fn encode_chat(chat: Chat, earlier_chat_ids: Vec<String>) -> pb::Chat {
    let Chat {
        chat_id,
        summary,
        customer,
        form_answers,
        records,
        rating,
        pages: _,
        turns: _,
        notes: _,
        unread: _,
        handed_over_at: _,
        former: _,
        turns_before_customer: _,
    } = chat;
    pb::Chat {
        customer: Some(encode_customer(customer)),
        form_answers: form_answers.into_iter().collect(),
        records: records.into_iter().map(encode_record).collect(),
        rating: rating.map(encode_rating),
        earlier_chat_ids,
        ..encode_summary(chat_id, summary)
    }
}
