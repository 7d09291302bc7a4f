//! Chatwoot: what its API gives. Canned responses, articles of the help center, and conversations with their messages.

use std::{collections::HashMap, path::PathBuf};

use indicatif::ProgressBar;
use serde_json::Value;

use crate::{
    cli::import::{
        account::{Account, Place},
        chatwoot_conversations::Conversations,
        intake::{Draft, Intake, Stopped},
        json_file::for_each_value,
        object::Object,
    },
    knowledge::{Audience, Visibility},
};

const WHAT: &str = "JSON of Chatwoot's API: canned responses, portals, articles, or conversations with their messages";

/// What is put together once all files were read: replies come in pages, in any order.
#[derive(Default)]
struct Read {
    articles: Vec<(Object, Place)>,
    /// By slug and by id.
    portals: HashMap<String, Portal>,
    conversations: Conversations,
}

/// A help center.
#[derive(Clone, Default)]
struct Portal {
    language: String,
    is_archived: bool,
    /// Languages that are not public yet, in lower case.
    drafts: Vec<String>,
}

pub fn read(files: &[PathBuf], bar: &ProgressBar, intake: &mut Intake) -> anyhow::Result<()> {
    let mut read = Read::default();
    let mut account = Account::default();
    for_each_value(files, WHAT, bar, &mut account, |value, place, account| read.take(value, &place, account, intake));
    intake.account.add(account);
    // The receiver may have gone, which it says for itself.
    let _ = read.finish(intake);
    Ok(())
}

impl Read {
    fn take(&mut self, value: Value, place: &Place, account: &mut Account, intake: &mut Intake) -> Result<(), Stopped> {
        if let Value::Array(items) = value {
            return items.into_iter().try_for_each(|item| self.take(item, place, account, intake));
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
        if object.has("messages") || (object.has("meta") && object.has("inbox_id")) {
            return self.conversations.add(typed("conversation", object), place, intake);
        }
        if object.has("content") && object.has("title") {
            self.articles.push((typed("article", object), place.clone()));
            return Ok(());
        }
        if object.has("slug") && object.has("config") {
            self.portal(object);
            return Ok(());
        }
        // Replies: a list of messages with what is known of their conversation, or lists in `payload` and `data`.
        let payload = object.value("payload");
        if let Value::Array(items) = &payload
            && items.first().is_some_and(|item| item.get("message_type").is_some())
        {
            let meta = object.value("meta");
            return self.conversations.add_page(payload, &meta, place, intake);
        }
        let articles = payload.get("articles").cloned();
        let data = object.value("data");
        match (articles.unwrap_or(payload), data) {
            (payload @ (Value::Array(_) | Value::Object(_)), _) => self.take(payload, place, account, intake),
            (_, data @ (Value::Array(_) | Value::Object(_))) => self.take(data, place, account, intake),
            _ => {
                account.broken(place, format!("no object of Chatwoot; wanted is {WHAT}"));
                Ok(())
            }
        }
    }

    fn portal(&mut self, mut object: Object) {
        let is_archived = !object.denies("archived");
        let config = object.object("config", "portal.config");
        let portal = config.map(|mut config| Portal {
            language: config.text("default_locale"),
            is_archived,
            drafts: config.texts("draft_locales").iter().map(|tag| tag.to_lowercase()).collect(),
        });
        let portal = portal.unwrap_or(Portal { is_archived, ..Portal::default() });
        self.portals.insert(object.text("slug"), portal.clone());
        self.portals.insert(object.id().to_owned(), portal);
    }

    fn finish(self, intake: &mut Intake) -> Result<(), Stopped> {
        let Read { articles, portals, conversations } = self;
        for (object, place) in articles {
            article(object, &place, &portals, intake)?;
        }
        conversations.finish(intake)
    }
}

/// The same object under the name that lists use.
fn typed(kind: &'static str, object: Object) -> Object {
    let id = object.id().to_owned();
    object.named(kind, &id)
}

fn canned_answer(mut object: Object, place: &Place, intake: &mut Intake) -> Result<(), Stopped> {
    let id = object.id().to_owned();
    let short_code = object.text("short_code");
    if id.is_empty() {
        intake.account.broken(place, "the canned response has no id, so a second run would not know it again; it is left out");
        return Ok(());
    }
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

fn article(mut object: Object, place: &Place, portals: &HashMap<String, Portal>, intake: &mut Intake) -> Result<(), Stopped> {
    let id = object.id().to_owned();
    if id.is_empty() {
        intake.account.broken(place, "the article has no id, so a second run would not know it again; it is left out");
        return Ok(());
    }
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
    let language = [own, of_category, portal.language].into_iter().find(|tag| !tag.is_empty()).unwrap_or_default();
    if portal.is_archived {
        intake.account.list("articles of an archived portal, left out", &id);
        return Ok(());
    }
    if portal.drafts.contains(&language.to_lowercase()) {
        intake.account.list("articles in a language that is a draft in its portal, left out", &id);
        return Ok(());
    }
    let url = object.text("url");
    // Translations name the article that they translate.
    let root = object.text("associated_article_id");
    let markdown = object.text("content");
    let draft = Draft {
        id: format!("chatwoot-{}", if root.is_empty() { &id } else { &root }),
        language,
        title: object.text("title"),
        body: intake.bodies.article(&markdown, known, &url, &id, &mut intake.account),
        category: category.map(|mut category| category.text("name")).unwrap_or_default(),
        tags: object.object("meta", "article.meta").map(|mut meta| meta.texts("tags")).unwrap_or_default(),
        updated_at: object.time("updated_at"),
    };
    object.skip(&["account_id", "slug", "position", "portal_id", "category_id", "created_at"]);
    object.left(&mut intake.account);
    intake.article(draft, Audience::Public, &url, place)
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
