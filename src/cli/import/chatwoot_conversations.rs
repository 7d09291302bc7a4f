//! Chatwoot's conversations as chats. Their messages come with them, or in pages of their own, in any order.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    api::pb,
    cli::import::{
        account::{Account, Place},
        chat::{ChatBuilder, NewChat, Writer},
        intake::{Intake, Stopped},
        object::{Object, is_empty, plain, time_of},
    },
};

/// Messages that wait for others of their conversations.
const MAX_WAITING: usize = 100_000;

/// Conversations that wait for further pages of messages.
#[derive(Default)]
pub struct Conversations {
    /// By number, so that they come in the order in which they began.
    waiting: BTreeMap<(u64, String), Gathered>,
    messages: usize,
    /// Those that were handed over.
    begun: HashSet<String>,
}

/// What came of a conversation.
struct Gathered {
    fields: Map<String, Value>,
    messages: Vec<Value>,
    place: Place,
}

impl Conversations {
    /// Takes a conversation with the messages that it has.
    pub fn add(&mut self, mut object: Object, place: &Place, intake: &mut Intake) -> Result<(), Stopped> {
        let id = object.id().to_owned();
        let messages = object.list("messages");
        if !is_empty(&object.value("messages")) {
            intake.account.list("conversation.messages that are no list", &id);
        }
        self.gather(&id, object.rest(), messages, place, intake)
    }

    /// Takes a page of messages, with what its reply says of their conversation.
    pub fn add_page(&mut self, messages: Value, meta: &Value, place: &Place, intake: &mut Intake) -> Result<(), Stopped> {
        let Value::Array(messages) = messages else { return Ok(()) };
        let mut by_conversation: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for message in messages {
            by_conversation.entry(plain(&message["conversation_id"])).or_default().push(message);
        }
        for (id, messages) in by_conversation {
            let sender = meta.get("contact").or_else(|| meta.get("sender")).cloned().unwrap_or_default();
            let fields = serde_json::json!({
                "labels": meta["labels"],
                "additional_attributes": meta["additional_attributes"],
                "meta": {"sender": sender, "assignee": meta["assignee"]},
            });
            let fields = Object::new("conversation", fields).map(|mut fields| fields.rest()).unwrap_or_default();
            self.gather(&id, fields, messages, place, intake)?;
        }
        Ok(())
    }

    fn gather(
        &mut self,
        id: &str,
        fields: Map<String, Value>,
        messages: Vec<Value>,
        place: &Place,
        intake: &mut Intake,
    ) -> Result<(), Stopped> {
        if id.is_empty() {
            intake.account.broken(place, "the conversation has no id");
            return Ok(());
        }
        self.messages += messages.len().max(1);
        let key = (id.parse().unwrap_or(u64::MAX), id.to_owned());
        let new = || Gathered { fields: Map::new(), messages: Vec::new(), place: place.clone() };
        let gathered = self.waiting.entry(key).or_insert_with(new);
        gathered.messages.extend(messages);
        merge(&mut gathered.fields, fields);
        if self.messages > MAX_WAITING { self.hand_over(intake) } else { Ok(()) }
    }

    /// Hands over all that waits.
    pub fn finish(mut self, intake: &mut Intake) -> Result<(), Stopped> {
        self.hand_over(intake)
    }

    fn hand_over(&mut self, intake: &mut Intake) -> Result<(), Stopped> {
        self.messages = 0;
        for ((_, id), Gathered { mut fields, messages, place }) in std::mem::take(&mut self.waiting) {
            let is_begun = !self.begun.insert(id.clone());
            if is_begun {
                let what = format!("conversations whose messages stand more than {MAX_WAITING} apart: the later ones stand at the end");
                intake.account.list(what, &id);
            }
            fields.insert("id".to_owned(), Value::String(id.clone()));
            fields.insert("messages".to_owned(), Value::Array(in_order(messages, &id, &mut intake.account)));
            let chat = Object::new("conversation", Value::Object(fields));
            match chat.and_then(|object| conversation(object, is_begun, &place, &mut intake.account)) {
                Ok(chat) => intake.chat(chat)?,
                Err(problem) => intake.account.broken(&place, problem),
            }
        }
        Ok(())
    }
}

/// Adds what was not known yet.
fn merge(known: &mut Map<String, Value>, more: Map<String, Value>) {
    for (name, value) in more {
        match (known.get_mut(&name), value) {
            (Some(Value::Object(known)), Value::Object(more)) => merge(known, more),
            (Some(known), _) if !is_empty(known) => {}
            (_, value) => {
                known.insert(name, value);
            }
        }
    }
}

/// Messages by time and number, each once.
fn in_order(mut messages: Vec<Value>, id: &str, account: &mut Account) -> Vec<Value> {
    let number = |message: &Value| message.get("id").map(plain).unwrap_or_default();
    messages.sort_by_key(|message| (message.get("created_at").and_then(time_of), number(message).parse::<u64>().unwrap_or_default()));
    let mut known: HashMap<String, Value> = HashMap::new();
    messages.retain(|message| {
        let number = number(message);
        match known.get(&number) {
            _ if number.is_empty() => true,
            None => known.insert(number, message.clone()).is_none(),
            Some(first) => {
                if first != message {
                    account.list("messages that came several times with other content, taken once", id);
                }
                false
            }
        }
    });
    messages
}

fn conversation(mut object: Object, is_begun: bool, place: &Place, account: &mut Account) -> Result<NewChat, String> {
    let id = object.id().to_owned();
    let messages = object.list("messages");
    let first = messages.iter().find_map(|message| message.get("created_at").and_then(time_of));
    let Some(created) = object.time("created_at").or_else(|| object.time("timestamp")).or(first) else {
        return Err(format!("conversation {id} has no time `created_at`, and none of its messages has"));
    };
    let mut meta = object.object("meta", "conversation.meta");
    let sender = meta.as_mut().and_then(|meta| meta.object("sender", "contact"));
    let channel_type = meta.as_mut().map(|meta| meta.text("channel")).unwrap_or_default();
    let team = meta.as_mut().and_then(|meta| meta.object("team", "team")).map(|mut team| team.text("name")).unwrap_or_default();
    let (channel, channel_name) = channel(&channel_type);
    let labels = object.texts("labels");
    let status = object.text("status");
    let mut additional = object.object("additional_attributes", "conversation.additional_attributes");
    let subject = additional.as_mut().map(|additional| additional.text("mail_subject")).unwrap_or_default();
    let mut values = texts(object.object("custom_attributes", "conversation.custom_attributes"));
    values.insert("labels".to_owned(), labels.join(", "));
    values.insert("priority".to_owned(), object.text("priority"));
    let ended = object.time("last_activity_at");

    let mut chat = ChatBuilder::new(&format!("chatwoot-{id}"), place.clone(), account);
    let contact = sender.map(customer).unwrap_or_default();
    let writer = Writer { id: contact.customer_id.trim_start_matches("chatwoot-").to_owned(), name: contact.name.clone() };
    if !is_begun {
        chat.opened(created, channel, &channel_name, &team, &subject);
        chat.customer(created, contact);
        chat.record(created, "chatwoot", &id, values, "");
    }
    for value in messages {
        message(value, &mut chat, &writer, created);
    }
    if status == "resolved" {
        let at = chat.latest().unwrap_or(created).max(ended.unwrap_or(created));
        chat.resolved(at, labels.first().map(String::as_str).unwrap_or_default());
    }
    let chat = chat.finish();
    for (kind, part) in [("conversation.additional_attributes", additional), ("conversation.meta", meta)] {
        if let Some(part) = part {
            part.named(kind, &id).left(account);
        }
    }
    object.skip(&[
        "account_id",
        "uuid",
        "inbox_id",
        "unread_count",
        "agent_last_seen_at",
        "assignee_last_seen_at",
        "contact_last_seen_at",
        "can_reply",
        "muted",
        "timestamp",
        "updated_at",
        "last_non_activity_message",
        "waiting_since",
        "first_reply_created_at",
    ]);
    object.left(account);
    Ok(chat)
}

fn customer(mut sender: Object) -> pb::Customer {
    let id = sender.id().to_owned();
    let mut attributes = texts(sender.object("custom_attributes", "contact.custom_attributes"));
    let identifier = sender.text("identifier");
    if !identifier.is_empty() {
        attributes.insert("identifier".to_owned(), identifier);
    }
    let mut additional = sender.object("additional_attributes", "contact.additional_attributes");
    let mut place = |name: &str| additional.as_mut().map(|additional| additional.text(name)).unwrap_or_default();
    let location = [place("city"), place("country")].into_iter().filter(|part| !part.is_empty()).collect::<Vec<String>>().join(", ");
    pb::Customer {
        customer_id: if id.is_empty() { String::new() } else { format!("chatwoot-{id}") },
        name: sender.text("name"),
        email: sender.text("email"),
        phone: sender.text("phone_number"),
        location,
        attributes,
        ..pb::Customer::default()
    }
}

fn texts(object: Option<Object>) -> HashMap<String, String> {
    let fields = object.map(|mut object| object.rest()).unwrap_or_default();
    fields.into_iter().map(|(key, value)| (key, plain(&value))).filter(|(_, value)| !value.is_empty()).collect()
}

fn message(value: Value, chat: &mut ChatBuilder<'_>, contact: &Writer, created: Timestamp) {
    let Ok(mut message) = Object::new("message", value) else { return chat.account().list("messages that are no object", "") };
    let id = format!("message-{}", message.id());
    if message.id().is_empty() {
        return chat.account().list("messages without an id, left out", "");
    }
    let at = message.time("created_at").unwrap_or_else(|| {
        chat.account().list("messages without a time, at the conversation's", &id);
        created
    });
    let mut content_attributes = message.object("content_attributes", "message.content_attributes");
    let survey = content_attributes
        .as_mut()
        .and_then(|attributes| attributes.object("submitted_values", "values"))
        .and_then(|mut values| values.object("csat_survey_response", "survey"));
    if let Some(mut survey) = survey {
        let score = survey.text("rating").parse().unwrap_or_default();
        if (1..=5).contains(&score) {
            chat.rating(at, score, &survey.text("feedback_message"));
        }
    }
    let (kind, content_type) = (message.text("message_type"), message.text("content_type"));
    if matches!(kind.as_str(), "2" | "activity") {
        return chat.account().list("messages about what happened, such as an assignment", &id);
    }
    if content_type == "input_csat" {
        return;
    }
    let mut sender = message.object("sender", "message.sender");
    let is_bot = matches!(kind.as_str(), "3" | "template") || sender.as_mut().is_some_and(|sender| sender.text("type").contains("bot"));
    let mut writer = sender.map(|mut sender| Writer { id: sender.id().to_owned(), name: sender.text("name") }).unwrap_or_default();
    let is_incoming = matches!(kind.as_str(), "0" | "incoming");
    if is_incoming && writer == Writer::default() {
        writer = contact.clone();
    }
    let text = message.text("content");
    let files: Vec<pb::Attachment> = message.list("attachments").into_iter().filter_map(attachment).collect();
    // What is not surely for the customer is internal.
    if !message.denies("private") {
        chat.note(&id, at, &writer, &text, &files);
    } else {
        let author = match (is_incoming, is_bot) {
            (true, _) => pb::Author::Customer,
            (false, true) => pb::Author::Bot,
            (false, false) => pb::Author::Agent,
        };
        chat.message(&id, at, author, &writer, &text, files);
    }
    message.skip(&[
        "account_id",
        "inbox_id",
        "conversation_id",
        "updated_at",
        "status",
        "source_id",
        "sender_id",
        "sender_type",
        "processed_message_content",
        "conversation",
        "echo_id",
        "additional_attributes",
        "external_source_ids",
        "sentiment",
    ]);
    message.left(chat.account());
}

fn attachment(value: Value) -> Option<pb::Attachment> {
    let mut file = Object::new("attachment", value).ok()?;
    let url = file.text("data_url");
    let name = url.split(['?', '#']).next().and_then(|path| path.rsplit('/').next()).unwrap_or_default().to_owned();
    Some(pb::Attachment { name, media_type: file.text("file_type"), url, text: String::new() })
}

fn channel(kind: &str) -> (pb::Channel, String) {
    let channel = match kind.trim_start_matches("Channel::") {
        "" | "WebWidget" => pb::Channel::WebChat,
        "Email" => pb::Channel::Email,
        "Whatsapp" => pb::Channel::Whatsapp,
        "FacebookPage" => pb::Channel::Messenger,
        "Instagram" => pb::Channel::Instagram,
        other => return (pb::Channel::Other, other.to_owned()),
    };
    (channel, String::new())
}
