//! Intercom: what its API gives. Articles with their translations, collections, internal articles, and conversations with their parts.

use std::{collections::HashMap, path::PathBuf};

use indicatif::ProgressBar;
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    api::pb,
    cli::import::{
        account::{Account, Place},
        body::text_of,
        chat::{ChatBuilder, NewChat, Writer},
        intake::{Draft, Intake, Stopped},
        json_file::for_each_value,
        object::{Object, plain},
        places::Places,
    },
    knowledge::Audience,
};

const WHAT: &str = "JSON of Intercom's API: articles, collections, internal articles, or conversations with their parts";
/// The lists of replies.
const LISTS: [&str; 4] = ["data", "articles", "conversations", "collections"];
const PAGING: [&str; 4] = ["type", "pages", "total_count", "total_pages"];

pub fn read(files: &[PathBuf], bar: &ProgressBar, intake: &mut Intake) -> anyhow::Result<()> {
    let mut account = Account::default();
    let mut articles: Vec<(Object, Place)> = Vec::new();
    let mut collections = Places::default();
    for_each_value(files, WHAT, bar, &mut account, |value, place, account| {
        take(value, &place, account, intake, &mut articles, &mut collections)
    });
    intake.account.add(account);
    for (object, place) in articles {
        // The receiver may have gone, which it says for itself.
        if let Err(Stopped) = article(object, &place, &collections, intake) {
            break;
        }
    }
    Ok(())
}

fn take(
    value: Value,
    place: &Place,
    account: &mut Account,
    intake: &mut Intake,
    articles: &mut Vec<(Object, Place)>,
    collections: &mut Places,
) -> Result<(), Stopped> {
    if let Value::Array(items) = value {
        return items.into_iter().try_for_each(|item| take(item, place, account, intake, articles, collections));
    }
    let kind = match value.get("type").map(plain).unwrap_or_default().as_str() {
        "article" => "article",
        "internal_article" => "internal article",
        "collection" => "collection",
        "conversation" => "conversation",
        _ => "reply",
    };
    let mut object = match Object::new(kind, value) {
        Ok(object) => object,
        Err(problem) => {
            account.broken(place, problem);
            return Ok(());
        }
    };
    match kind {
        "article" | "internal article" => articles.push((object, place.clone())),
        "collection" => {
            let id = object.id().to_owned();
            collections.add(&id, &object.text("name"), &object.text("parent_id"));
            object.skip(&["type", "id", "workspace_id", "url", "order", "created_at", "updated_at", "default_locale", "icon"]);
            object.left(account);
        }
        "conversation" => match conversation(object, place, account) {
            Ok(chat) => intake.chat(chat)?,
            Err(problem) => account.broken(place, problem),
        },
        _ => {
            let mut is_known = false;
            for list in LISTS {
                is_known |= object.has(list);
                for item in object.list(list) {
                    take(item, place, account, intake, articles, collections)?;
                }
            }
            if !is_known {
                account.broken(place, format!("no object of Intercom; wanted is {WHAT}"));
                return Ok(());
            }
            object.skip(&PAGING);
            object.left(account);
        }
    }
    Ok(())
}

fn article(mut object: Object, place: &Place, collections: &Places, intake: &mut Intake) -> Result<(), Stopped> {
    let id = object.id().to_owned();
    let is_internal = object.text("type") == "internal_article";
    if id.is_empty() {
        intake.account.broken(place, "the article has no id, so a second run would not know it again; it is left out");
        return Ok(());
    }
    let parent = object.text("parent_id");
    let category = collections.path(&parent, "collection", &id, &mut intake.account);
    if object.texts("parent_ids").iter().any(|other| *other != parent) {
        intake.account.list("articles of several collections, now of the first", &id);
    }
    let locale = match object.text("default_locale") {
        tag if tag.is_empty() => object.text("locale"),
        tag => tag,
    };
    let translated = object.object("translated_content", "article.translated_content");
    let url = object.text("url");
    let audience = if is_internal { Audience::Agents } else { Audience::Public };
    let document_id = if is_internal { format!("intercom-internal-{id}") } else { format!("intercom-{id}") };
    object.skip(&["type", "id", "workspace_id", "parent_type", "created_at"]);
    let shared = (document_id, category, audience);
    let translations = translated.map(|mut translated| translated.rest()).unwrap_or_default();
    text(object, &locale, &shared, &url, is_internal, place, intake)?;
    for (tag, value) in translations {
        if tag == "type" || tag.eq_ignore_ascii_case(&locale) || value.is_null() {
            continue;
        }
        let Ok(translation) = Object::new("article translation", value) else { continue };
        let mut translation = translation.named("article translation", &id);
        translation.skip(&["type", "created_at"]);
        let url = translation.text("url");
        text(translation, &tag, &shared, &url, false, place, intake)?;
    }
    Ok(())
}

/// Hands over an article in one language.
fn text(
    mut object: Object,
    language: &str,
    (id, category, audience): &(String, String, Audience),
    url: &str,
    has_no_state: bool,
    place: &Place,
    intake: &mut Intake,
) -> Result<(), Stopped> {
    // Whatever is not said to be published is a draft.
    let state = object.text("state");
    if state != "published" && !(has_no_state && state.is_empty()) {
        intake.account.list("drafts, left out", id);
        return Ok(());
    }
    let draft = Draft {
        id: id.clone(),
        language: language.to_owned(),
        title: object.text("title"),
        body: intake.bodies.article_html(&object.text("body"), known, url, id, &mut intake.account),
        category: category.clone(),
        tags: Vec::new(),
        updated_at: object.time("updated_at"),
    };
    object.left(&mut intake.account);
    intake.article(draft, *audience, url, place)
}

fn conversation(mut object: Object, place: &Place, account: &mut Account) -> Result<NewChat, String> {
    let id = object.id().to_owned();
    let Some(created) = object.time("created_at").filter(|_| !id.is_empty()) else {
        return Err(format!("conversation {id} has no id or no time `created_at`"));
    };
    let updated = object.time("updated_at").unwrap_or(created);
    let mut source = object.object("source", "conversation.source");
    let kind = source.as_mut().map(|source| source.text("type")).unwrap_or_default();
    let subject = source.as_mut().map(|source| text_of(&source.text("subject"))).unwrap_or_default();
    let subject = if subject.is_empty() { object.text("title") } else { subject };
    let mut contacts = object.object("contacts", "contacts").map(|mut contacts| contacts.list("contacts")).unwrap_or_default().into_iter();
    let contact = contacts.next().and_then(|contact| Object::new("contact", contact).ok());
    for _ in contacts {
        account.list("further contacts of a conversation", &id);
    }
    let tags: Vec<String> = object
        .object("tags", "tags")
        .map(|mut tags| tags.list("tags").iter().map(|tag| plain(&tag["name"])).filter(|name| !name.is_empty()).collect())
        .unwrap_or_default();
    let state = object.text("state");
    let mut values: HashMap<String, String> = object
        .object("custom_attributes", "conversation.custom_attributes")
        .map(|mut attributes| attributes.rest().into_iter().map(|(key, value)| (key, plain(&value))).collect())
        .unwrap_or_default();
    values.insert("tags".to_owned(), tags.join(", "));
    values.insert("priority".to_owned(), object.text("priority"));
    let rating = object.object("conversation_rating", "conversation.rating");
    let mut parts = object.object("conversation_parts", "conversation_parts");
    let total = parts.as_mut().map(|parts| parts.text("total_count")).unwrap_or_default();
    let parts = parts.map(|mut parts| parts.list("conversation_parts")).unwrap_or_default();
    if total.parse::<usize>().is_ok_and(|total| total > parts.len()) {
        account.list("conversations of which the file has not all parts", &id);
    }

    let mut chat = ChatBuilder::new(&format!("intercom-{id}"), place.clone(), account);
    let (channel, channel_name) = channel(&kind);
    chat.opened(created, channel, &channel_name, "", &subject);
    let author = source.as_mut().and_then(|source| source.object("author", "author"));
    chat.customer(created, customer(contact, author.as_ref(), &parts));
    chat.record(created, "intercom", &id, values, "");
    if let Some(mut source) = source {
        let text = text_of(&source.text("body"));
        let files: Vec<pb::Attachment> = source.list("attachments").into_iter().filter_map(attachment).collect();
        let (author, writer) = written_by(author);
        if !text.trim().is_empty() || !files.is_empty() {
            chat.message("source", created, author, &writer, &text, files);
        }
        source.skip(&["id", "delivered_as", "url", "redacted"]);
        source.left(chat.account());
    }
    for value in parts {
        part(value, &mut chat, created);
    }
    if state == "closed" {
        let at = chat.latest().unwrap_or(updated).max(updated);
        chat.resolved(at, tags.first().map(String::as_str).unwrap_or_default());
    }
    if let Some(mut rating) = rating {
        let score = rating.text("rating").parse().unwrap_or_default();
        if (1..=5).contains(&score) {
            let at = rating.time("created_at").unwrap_or(updated);
            chat.rating(at, score, &rating.text("remark"));
        }
    }
    let chat = chat.finish();
    object.skip(&["type", "open", "read", "waiting_since", "snoozed_until", "statistics", "first_contact_reply", "teammates", "redacted"]);
    object.left(account);
    Ok(chat)
}

/// The contact; its name and address stand where it wrote.
fn customer(contact: Option<Object>, author: Option<&Object>, parts: &[Value]) -> pb::Customer {
    let Some(mut contact) = contact else { return pb::Customer::default() };
    let id = contact.id().to_owned();
    let authors = parts.iter().map(|part| &part["author"]).filter(|author| plain(&author["id"]) == id);
    let said = |name: &str| {
        let own = author.filter(|author| author.id() == id).map(|author| author.peek(name)).unwrap_or_default();
        let mut written = authors.clone().map(|author| plain(&author[name]));
        if own.is_empty() { written.find(|text| !text.is_empty()).unwrap_or_default() } else { own }
    };
    let external = contact.text("external_id");
    pb::Customer {
        customer_id: if external.is_empty() { format!("intercom-{id}") } else { external },
        name: said("name"),
        email: said("email"),
        ..pb::Customer::default()
    }
}

fn written_by(author: Option<Object>) -> (pb::Author, Writer) {
    let Some(mut author) = author else { return (pb::Author::Bot, Writer::default()) };
    let writer = Writer { id: author.id().to_owned(), name: author.text("name") };
    let author = match author.text("type").as_str() {
        "user" | "lead" | "contact" => pb::Author::Customer,
        "admin" => pb::Author::Agent,
        _ => pb::Author::Bot,
    };
    (author, writer)
}

fn part(value: Value, chat: &mut ChatBuilder<'_>, created: Timestamp) {
    let Ok(mut part) = Object::new("conversation_part", value) else {
        return chat.account().list("parts of conversations that are no object", "");
    };
    let id = format!("part-{}", part.id());
    if part.id().is_empty() {
        return chat.account().list("parts of conversations without an id, left out", "");
    }
    let at = part.time("created_at").unwrap_or(created);
    let kind = part.text("part_type");
    let text = text_of(&part.text("body"));
    let files: Vec<pb::Attachment> = part.list("attachments").into_iter().filter_map(attachment).collect();
    let (author, writer) = written_by(part.object("author", "author"));
    match kind.as_str() {
        "note" | "note_and_reopen" => chat.note(&id, at, &writer, &text, &files),
        // A reply that closes, opens, snoozes or assigns says something as well.
        "comment" | "open" | "close" | "assignment" | "snoozed" | "quick_reply" | "comment_and_open"
            if !text.is_empty() || !files.is_empty() =>
        {
            // A text with an assignment is for the colleague who gets it.
            if kind == "assignment" {
                chat.note(&id, at, &writer, &text, &files)
            } else {
                chat.message(&id, at, author, &writer, &text, files)
            }
        }
        kind => chat.account().list(format!("conversation parts of type `{kind}`"), &id),
    }
    part.skip(&[
        "type",
        "updated_at",
        "notified_at",
        "assigned_to",
        "external_id",
        "redacted",
        "email_message_metadata",
        "state",
        "tags",
        "app_package_code",
    ]);
    part.left(chat.account());
}

fn attachment(value: Value) -> Option<pb::Attachment> {
    let mut file = Object::new("attachment", value).ok()?;
    Some(pb::Attachment { name: file.text("name"), media_type: file.text("content_type"), url: file.text("url"), text: String::new() })
}

fn channel(kind: &str) -> (pb::Channel, String) {
    let channel = match kind {
        "" | "conversation" | "push" | "inapp" => pb::Channel::WebChat,
        "email" => pb::Channel::Email,
        "facebook" => pb::Channel::Messenger,
        "instagram" => pb::Channel::Instagram,
        "whatsapp" => pb::Channel::Whatsapp,
        "phone_call" | "phone_switch" => pb::Channel::Phone,
        other => return (pb::Channel::Other, other.to_owned()),
    };
    (channel, String::new())
}

/// Articles have no variables of ours.
fn known(_: &str) -> Option<String> {
    None
}
