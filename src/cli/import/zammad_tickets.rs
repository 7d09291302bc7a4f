//! Zammad's tickets as chats: an article is a message, or an internal note.

use std::collections::HashMap;

use jiff::Timestamp;
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

/// What a reply with `?all=true` has beside its ticket: the objects that it names by id.
#[derive(Default)]
pub struct Assets {
    tickets: Vec<Value>,
    articles: Vec<Value>,
    users: HashMap<String, Value>,
    names: HashMap<(&'static str, String), String>,
}

/// The tables whose objects are known by their names.
const NAMED: [&str; 5] = ["Group", "TicketState", "TicketPriority", "TicketArticleSender", "TicketArticleType"];

impl Assets {
    pub fn of(assets: &mut Object) -> Assets {
        let mut items = |name: &str| match assets.value(name) {
            Value::Object(by_id) => by_id.into_iter().map(|(_, item)| item).collect(),
            Value::Array(items) => items,
            _ => Vec::new(),
        };
        let mut names = HashMap::new();
        for table in NAMED {
            for item in items(table) {
                names.insert((table, plain(&item["id"])), plain(&item["name"]));
            }
        }
        let users = items("User").into_iter().map(|user| (plain(&user["id"]), user)).collect();
        Assets { tickets: items("Ticket"), articles: items("TicketArticle"), users, names }
    }

    /// A field that is given by its name, or by the id of an object.
    fn named(&self, object: &mut Object, name: &str, table: &'static str) -> String {
        let id = object.text(&format!("{name}_id"));
        let given = object.text(name);
        if given.is_empty() { self.names.get(&(table, id)).cloned().unwrap_or_default() } else { given }
    }

    fn user(&self, id: &str) -> (String, String, String) {
        let Some(user) = self.users.get(id) else { return Default::default() };
        let name = format!("{} {}", plain(&user["firstname"]), plain(&user["lastname"]));
        (name.trim().to_owned(), plain(&user["email"]), plain(&user["phone"]))
    }
}

/// The chats of a reply with assets.
pub fn ticket_of_assets(mut assets: Assets, place: &Place, account: &mut Account) -> Vec<Result<NewChat, String>> {
    let (tickets, articles) = (std::mem::take(&mut assets.tickets), std::mem::take(&mut assets.articles));
    let with_articles = tickets.into_iter().map(|mut value| {
        let id = plain(&value["id"]);
        let own: Vec<Value> = articles.iter().filter(|article| plain(&article["ticket_id"]) == id).cloned().collect();
        if let Value::Object(fields) = &mut value {
            fields.insert("articles".to_owned(), Value::Array(own));
        }
        value
    });
    with_articles.map(|value| ticket(Object::new("ticket", value)?, &assets, place, account)).collect()
}

/// The chat of a ticket with its articles.
pub fn ticket(object: Object, assets: &Assets, place: &Place, account: &mut Account) -> Result<NewChat, String> {
    let id = object.id().to_owned();
    let mut ticket = object.named("ticket", &id);
    let Some(created) = ticket.time("created_at").filter(|_| !id.is_empty()) else {
        return Err(format!("ticket {id} has no id or no time `created_at`"));
    };
    if !ticket.has("articles") {
        return Err(format!("ticket {id} has no `articles`; put the reply of /ticket_articles/by_ticket/{id} there"));
    }
    let articles = ticket.list("articles");
    let updated = ticket.time("updated_at").unwrap_or(created);
    let closed_at = ticket.time("close_at");
    let (title, number) = (ticket.text("title"), ticket.text("number"));
    let group = assets.named(&mut ticket, "group", "Group");
    let state = assets.named(&mut ticket, "state", "TicketState");
    let priority = assets.named(&mut ticket, "priority", "TicketPriority");
    let tags = ticket.texts("tags");
    let customer_id = ticket.text("customer_id");
    let (name, email, phone) = assets.user(&customer_id);
    // An expanded ticket names its customer by the login, which is mostly the address.
    let login = ticket.text("customer");
    let email = if email.is_empty() && login.contains('@') { login } else { email };
    let first_kind = articles.first().map(|article| plain(&article["type"])).unwrap_or_default();
    let (channel, channel_name) = channel(&first_kind);
    let values = HashMap::from([
        ("number".to_owned(), number),
        ("state".to_owned(), state.clone()),
        ("priority".to_owned(), priority),
        ("tags".to_owned(), tags.join(", ")),
        ("owner".to_owned(), ticket.text("owner")),
        ("organization".to_owned(), ticket.text("organization")),
    ]);

    let mut chat = ChatBuilder::new(&format!("zammad-{id}"), place.clone(), account);
    chat.opened(created, channel, &channel_name, &group, &title);
    let customer_id = match (customer_id.as_str(), email.as_str()) {
        ("", email) => email.to_owned(),
        (id, _) => format!("zammad-{id}"),
    };
    chat.customer(created, pb::Customer { customer_id, name, email, phone, ..pb::Customer::default() });
    chat.record(created, "zammad", &id, values, "");
    for value in articles {
        article(value, &mut chat, assets, created);
    }
    if matches!(state.as_str(), "closed" | "merged") {
        let at = chat.latest().unwrap_or(updated).max(closed_at.unwrap_or(updated));
        chat.resolved(at, tags.first().map(String::as_str).unwrap_or_default());
    }
    let chat = chat.finish();
    ticket.skip(&[
        "article_ids",
        "article_count",
        "create_article_type_id",
        "create_article_sender_id",
        "create_article_type",
        "create_article_sender",
        "created_by_id",
        "updated_by_id",
        "created_by",
        "updated_by",
        "owner_id",
        "organization_id",
        "last_contact_at",
        "last_contact_agent_at",
        "last_contact_customer_at",
        "last_owner_update_at",
        "first_response_at",
        "preferences",
        "ticket_time_accounting_ids",
        "ticket_time_accounting",
    ]);
    ticket.left(account);
    Ok(chat)
}

fn article(value: Value, chat: &mut ChatBuilder<'_>, assets: &Assets, created: Timestamp) {
    let Ok(mut article) = Object::new("ticket article", value) else {
        return chat.account().list("articles of tickets that are no object", "");
    };
    let id = format!("article-{}", article.id());
    if article.id().is_empty() {
        return chat.account().list("articles of tickets without an id, left out", "");
    }
    let at = article.time("created_at").unwrap_or(created);
    let sender = match assets.named(&mut article, "sender", "TicketArticleSender").as_str() {
        "Customer" => pb::Author::Customer,
        "System" => pb::Author::Bot,
        _ => pb::Author::Agent,
    };
    let body = article.text("body");
    let text = if article.text("content_type") == "text/html" { text_of(&body) } else { body };
    let author_id = article.text("created_by_id");
    let from = article.text("from");
    let known = assets.user(&author_id).0;
    // `Name <address>`.
    let written = from.split_once('<').map_or(from.as_str(), |(name, _)| name).trim().trim_matches('"').to_owned();
    let writer = Writer {
        id: if author_id.is_empty() { article.text("created_by") } else { author_id },
        name: if known.is_empty() { written } else { known },
    };
    let files: Vec<pb::Attachment> = article.list("attachments").into_iter().filter_map(attachment).collect();
    // Whatever is not said to be for the customer is internal.
    let is_internal = !article.has("internal") || !article.denies("internal");
    if is_internal {
        chat.note(&id, at, &writer, &text, &files);
    } else {
        chat.message(&id, at, sender, &writer, &text, files);
    }
    article.skip(&[
        "ticket_id",
        "type",
        "type_id",
        "to",
        "reply_to",
        "message_id",
        "message_id_md5",
        "in_reply_to",
        "references",
        "subject",
        "created_by",
        "updated_by",
        "updated_by_id",
        "updated_at",
        "preferences",
        "origin_by_id",
        "origin_by",
        "created_by_id",
        "detected_language",
    ]);
    article.left(chat.account());
}

fn attachment(value: Value) -> Option<pb::Attachment> {
    let mut file = Object::new("attachment", value).ok()?;
    let media_type = file.object("preferences", "preferences").map(|mut preferences| {
        let by_header = preferences.text("Content-Type");
        if by_header.is_empty() { preferences.text("Mime-Type") } else { by_header }
    });
    Some(pb::Attachment {
        name: file.text("filename"),
        media_type: media_type.unwrap_or_default(),
        url: String::new(),
        text: String::new(),
    })
}

fn channel(kind: &str) -> (pb::Channel, String) {
    let channel = match kind {
        "email" => pb::Channel::Email,
        "web" | "note" | "" => pb::Channel::Ticket,
        "phone" => pb::Channel::Phone,
        "chat" => pb::Channel::WebChat,
        "facebook feed post" | "facebook feed comment" => return (pb::Channel::Other, "Facebook".to_owned()),
        "whatsapp message" => pb::Channel::Whatsapp,
        other => return (pb::Channel::Other, other.to_owned()),
    };
    (channel, String::new())
}
