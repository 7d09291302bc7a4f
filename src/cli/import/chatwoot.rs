//! Chatwoot: what its API gives. Canned responses, articles of the help center, and conversations with their messages.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
};

use indicatif::ProgressBar;
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    api::pb,
    cli::import::{
        account::{Account, Place},
        chat::{ChatBuilder, NewChat, Writer},
        intake::{Draft, Intake, Stopped},
        json_file::for_each_value,
        object::{Object, plain},
    },
    knowledge::{Audience, Visibility},
};

const WHAT: &str = "JSON of Chatwoot's API: canned responses, portals, articles, or conversations with their messages";

pub fn read(files: &[PathBuf], bar: &ProgressBar, intake: &mut Intake) -> anyhow::Result<()> {
    let mut account = Account::default();
    // The default language of each portal.
    let mut portals: HashMap<String, String> = HashMap::new();
    for_each_value(files, WHAT, bar, &mut account, |value, place, account| take(value, &place, account, intake, &mut portals));
    intake.account.add(account);
    Ok(())
}

fn take(
    value: Value,
    place: &Place,
    account: &mut Account,
    intake: &mut Intake,
    portals: &mut HashMap<String, String>,
) -> Result<(), Stopped> {
    if let Value::Array(items) = value {
        return items.into_iter().try_for_each(|item| take(item, place, account, intake, portals));
    }
    let mut object = match Object::new("object", value) {
        Ok(object) => object,
        Err(problem) => {
            account.broken(place, problem);
            return Ok(());
        }
    };
    if object.has("short_code") && object.has("content") {
        return canned_answer(typed("canned response", object), place, intake);
    }
    if object.has("messages") {
        return converted(conversation(typed("conversation", object), place, account), place, account, intake);
    }
    if object.has("content") && object.has("title") {
        return article(typed("article", object), place, portals, intake);
    }
    if object.has("slug") && object.has("config") {
        let slug = object.text("slug");
        let locale = object.object("config", "portal.config").map(|mut config| config.text("default_locale")).unwrap_or_default();
        portals.insert(slug, locale.clone());
        portals.insert(object.id().to_owned(), locale);
        return Ok(());
    }
    // Replies: a list of messages with what is known of their conversation, or lists in `payload` and `data`.
    let payload = object.value("payload");
    if let Value::Array(items) = &payload
        && items.first().is_some_and(|item| item.get("message_type").is_some())
    {
        let meta = object.value("meta");
        for conversation_of_messages in by_conversation(payload, &meta) {
            let chat = Object::new("conversation", conversation_of_messages).and_then(|object| conversation(object, place, account));
            converted(chat, place, account, intake)?;
        }
        return Ok(());
    }
    let articles = payload.get("articles").cloned();
    let data = object.value("data");
    match (articles.unwrap_or(payload), data) {
        (payload @ (Value::Array(_) | Value::Object(_)), _) => take(payload, place, account, intake, portals),
        (_, data @ (Value::Array(_) | Value::Object(_))) => take(data, place, account, intake, portals),
        _ => {
            account.broken(place, format!("no object of Chatwoot; wanted is {WHAT}"));
            Ok(())
        }
    }
}

/// The same object under the name that lists use.
fn typed(kind: &'static str, object: Object) -> Object {
    let id = object.id().to_owned();
    object.named(kind, &id)
}

fn converted(chat: Result<NewChat, String>, place: &Place, account: &mut Account, intake: &mut Intake) -> Result<(), Stopped> {
    match chat {
        Ok(chat) => intake.chat(chat),
        Err(problem) => {
            account.broken(place, problem);
            Ok(())
        }
    }
}

/// Messages of a reply as conversations, in the form of the other replies.
fn by_conversation(messages: Value, meta: &Value) -> Vec<Value> {
    let Value::Array(messages) = messages else { return Vec::new() };
    let mut conversations: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for message in messages {
        conversations.entry(plain(&message["conversation_id"])).or_default().push(message);
    }
    let conversations = conversations.into_iter();
    conversations
        .map(|(id, messages)| {
            let sender = meta.get("contact").or_else(|| meta.get("sender")).cloned().unwrap_or_default();
            serde_json::json!({"id": id, "labels": meta["labels"], "meta": {"sender": sender}, "messages": messages})
        })
        .collect()
}

fn canned_answer(mut object: Object, place: &Place, intake: &mut Intake) -> Result<(), Stopped> {
    let id = object.id().to_owned();
    let short_code = object.text("short_code");
    let draft = Draft {
        id: format!("chatwoot-{id}"),
        title: short_code.clone(),
        body: intake.bodies.answer(&object.text("content"), known, &id, &mut intake.account),
        updated_at: object.time("updated_at"),
        ..Draft::default()
    };
    object.skip(&["account_id", "created_at"]);
    object.left(&mut intake.account);
    intake.canned_answer(draft, &short_code, Visibility::Everyone, place)
}

fn article(mut object: Object, place: &Place, portals: &HashMap<String, String>, intake: &mut Intake) -> Result<(), Stopped> {
    let id = object.id().to_owned();
    match object.text("status").as_str() {
        "published" | "1" => {}
        status => {
            let state = if matches!(status, "archived" | "2") { "archived articles, left out" } else { "drafts, left out" };
            intake.account.list(state, &id);
            return Ok(());
        }
    }
    let mut category = object.object("category", "article.category");
    let portal = object.object("portal", "article.portal").map(|mut portal| portal.text("slug")).unwrap_or_default();
    let portal = [portal, object.text("portal_id")].into_iter().find_map(|key| portals.get(&key)).cloned().unwrap_or_default();
    let own = object.text("locale");
    let of_category = category.as_mut().map(|category| category.text("locale")).unwrap_or_default();
    let language = [own, of_category, portal].into_iter().find(|tag| !tag.is_empty()).unwrap_or_default();
    let url = object.text("url");
    // Translations name the article that they translate.
    let root = object.text("associated_article_id");
    let markdown = object.text("content");
    let draft = Draft {
        id: format!("chatwoot-{}", if root.is_empty() { &id } else { &root }),
        language,
        title: object.text("title"),
        body: intake.bodies.article(&markdown, known, &id, &mut intake.account),
        category: category.map(|mut category| category.text("name")).unwrap_or_default(),
        tags: object.object("meta", "article.meta").map(|mut meta| meta.texts("tags")).unwrap_or_default(),
        updated_at: object.time("updated_at"),
    };
    object.skip(&["account_id", "slug", "position", "portal_id", "category_id", "created_at"]);
    object.left(&mut intake.account);
    intake.article(draft, Audience::Public, &url, place)
}

fn conversation(mut object: Object, place: &Place, account: &mut Account) -> Result<NewChat, String> {
    let id = object.id().to_owned();
    if id.is_empty() {
        return Err("the conversation has no id".to_owned());
    }
    let messages = object.list("messages");
    let first = messages.iter().find_map(|message| Object::new("message", message.clone()).ok()?.time("created_at"));
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
    chat.opened(created, channel, &channel_name, &team, &subject);
    let contact = sender.map(customer).unwrap_or_default();
    let writer = Writer { id: contact.customer_id.trim_start_matches("chatwoot-").to_owned(), name: contact.name.clone() };
    chat.customer(created, contact);
    chat.record(created, "chatwoot", &id, values, "");
    for value in messages {
        message(value, &mut chat, &writer, created);
    }
    if status == "resolved" {
        let at = chat.latest().unwrap_or(created).max(ended.unwrap_or(created));
        chat.resolved(at, labels.first().map(String::as_str).unwrap_or_default());
    }
    let chat = chat.finish();
    if let Some(additional) = additional {
        additional.left(account);
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
    if message.flag("private") {
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

/// Chatwoot's variables that are ours.
fn known(name: &str) -> Option<String> {
    let ours = match name {
        "contact.name" => "customer.name",
        "contact.first_name" => "customer.first_name",
        "contact.email" => "customer.email",
        "contact.phone" => "customer.phone",
        "agent.name" | "agent.first_name" => "agent.name",
        _ => {
            return name.strip_prefix("contact.custom_attribute.").map(|key| format!("customer.attributes.{key}"));
        }
    };
    Some(ours.to_owned())
}
