//! Zendesk: what its API and exports give. Articles, sections, categories and translations of the Help Center are put together once all
//! files were read; macros become canned answers; tickets go on at once.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
};

use indicatif::ProgressBar;
use serde_json::Value;

use crate::{
    cli::import::{
        account::{Account, Place},
        intake::{Draft, Intake, Stopped},
        json_file::for_each_value,
        object::{Object, is_empty, plain},
        places::Places,
        publication::left_out,
        words::{Said, said},
        zendesk_tickets::{People, ticket},
    },
    knowledge::{Audience, Visibility},
};

const WHAT: &str = "JSON of Zendesk's API or export: articles, sections, categories, translations, macros, users, groups or tickets";
/// Lists of a reply, and the kinds of object in them.
const LISTS: [(&str, &str); 8] = [
    ("articles", "article"),
    ("sections", "section"),
    ("categories", "category"),
    ("translations", "translation"),
    ("macros", "macro"),
    ("users", "user"),
    ("groups", "group"),
    ("tickets", "ticket"),
];
/// What else a reply has.
const PAGING: [&str; 14] = [
    "count",
    "next_page",
    "previous_page",
    "page",
    "page_count",
    "per_page",
    "sort_by",
    "sort_order",
    "meta",
    "links",
    "end_time",
    "end_of_stream",
    "after_cursor",
    "before_cursor",
];

/// What was read of the Help Center and of macros.
#[derive(Default)]
struct Read {
    articles: Vec<(Object, Place)>,
    translations: Vec<(Object, Place)>,
    macros: Vec<(Object, Place)>,
    /// Sections and categories, whose ids have these words before them.
    places: Places,
    people: People,
}

pub fn read(files: &[PathBuf], bar: &ProgressBar, intake: &mut Intake) -> anyhow::Result<()> {
    let mut read = Read::default();
    // The account is lent to the reader of files, and the intake has its own while a ticket is handed over.
    let mut account = Account::default();
    for_each_value(files, WHAT, bar, &mut account, |value, place, account| read.take(value, &place, account, intake));
    intake.account.add(account);
    // The receiver may have gone, which it says for itself.
    let _ = read.assemble(intake);
    Ok(())
}

impl Read {
    fn take(&mut self, value: Value, place: &Place, account: &mut Account, intake: &mut Intake) -> Result<(), Stopped> {
        if let Value::Array(items) = value {
            return items.into_iter().try_for_each(|item| self.take(item, place, account, intake));
        }
        let mut reply = match Object::new("reply", value) {
            Ok(reply) => reply,
            Err(problem) => {
                account.broken(place, problem);
                return Ok(());
            }
        };
        let is_ticket = ["comments", "requester_id", "requester"].iter().any(|name| reply.has(name));
        let is_article = ["section_id", "body"].iter().all(|name| reply.has(name));
        let kind = match () {
            () if is_ticket => "ticket",
            () if reply.has("actions") && reply.has("title") => "macro",
            () if is_article => "article",
            () if reply.has("source_type") && reply.has("locale") => "translation",
            // The account's export has a user a line.
            () if reply.has("role") && reply.has("email") => "user",
            () => "",
        };
        if !kind.is_empty() {
            return self.take_one(kind, Value::Object(reply.rest()), place, account, intake);
        }
        let mut is_known = false;
        // People and groups are needed for tickets of the same reply.
        for (list, kind) in LISTS {
            is_known |= reply.has(list) || reply.has(kind);
            for item in reply.list(list) {
                self.take_one(kind, item, place, account, intake)?;
            }
            if let Some(one) = reply.object(kind, "reply").map(|mut one| Value::Object(one.rest())) {
                self.take_one(kind, one, place, account, intake)?;
            }
        }
        if !is_known {
            account.broken(place, format!("no object of Zendesk; wanted is {WHAT}"));
            return Ok(());
        }
        reply.skip(&PAGING);
        reply.left(account);
        Ok(())
    }

    fn take_one(
        &mut self,
        kind: &'static str,
        value: Value,
        place: &Place,
        account: &mut Account,
        intake: &mut Intake,
    ) -> Result<(), Stopped> {
        let mut object = match Object::new(kind, value) {
            Ok(object) if object.id().is_empty() => {
                account.broken(place, format!("the {kind} has no id"));
                return Ok(());
            }
            Ok(object) => object,
            Err(problem) => {
                account.broken(place, problem);
                return Ok(());
            }
        };
        let id = object.id().to_owned();
        match kind {
            "article" => {
                for translation in object.list("translations") {
                    self.take_one("translation", translation, place, account, intake)?;
                }
                self.articles.push((object, place.clone()));
            }
            "translation" => self.translations.push((object, place.clone())),
            "macro" => self.macros.push((object, place.clone())),
            "section" => {
                let parents = [("section", object.text("parent_section_id")), ("category", object.text("category_id"))];
                let parent = parents.into_iter().find(|(_, id)| !id.is_empty()).map(|(kind, id)| format!("{kind} {id}"));
                self.places.add(&format!("section {id}"), &object.text("name"), &parent.unwrap_or_default());
                about_a_place(object, account);
            }
            "category" => {
                self.places.add(&format!("category {id}"), &object.text("name"), "");
                about_a_place(object, account);
            }
            "user" => self.people.add_user(&mut object),
            "group" => self.people.add_group(&mut object),
            _ => match ticket(object, place, &self.people, account) {
                Ok(chat) => intake.chat(chat)?,
                Err(problem) => account.broken(place, problem),
            },
        }
        Ok(())
    }

    fn assemble(self, intake: &mut Intake) -> Result<(), Stopped> {
        let Read { articles, translations, macros, places, people } = self;
        // What an article says for all of its translations.
        let mut shared: HashMap<String, Shared> = HashMap::new();
        let mut written: HashSet<(String, String)> = HashSet::new();
        for (mut article, place) in articles {
            let of_article = Shared::of(&mut article, &places, &mut intake.account);
            article.skip(&["url", "name", "position", "source_locale", "outdated_locales", "created_at"]);
            written.insert((article.id().to_owned(), article.text("locale").to_lowercase()));
            shared.insert(article.id().to_owned(), of_article.clone());
            let locale = article.text("locale");
            of_article.hand_over(article, locale, place, intake)?;
        }
        for (mut translation, place) in translations {
            let kind = translation.text("source_type");
            if !kind.is_empty() && !kind.eq_ignore_ascii_case("article") {
                intake.account.list(format!("translations of a {}", kind.to_lowercase()), translation.id());
                continue;
            }
            let (source, locale) = (translation.text("source_id"), translation.text("locale"));
            if !written.insert((source.clone(), locale.to_lowercase())) {
                continue;
            }
            let Some(of_article) = shared.get(&source) else {
                // Without it nothing says who may see the text.
                intake.account.list("translations whose article is not in the files, left out", translation.id());
                continue;
            };
            translation.skip(&["url", "html_url", "created_by_id", "updated_by_id", "created_at"]);
            of_article.clone().of_id(source).hand_over(translation, locale, place, intake)?;
        }
        for (object, place) in macros {
            canned_answer(object, &place, &people, intake)?;
        }
        Ok(())
    }
}

/// What a section or a category has beside its name.
fn about_a_place(mut object: Object, account: &mut Account) {
    object.skip(&[
        "url",
        "html_url",
        "created_at",
        "updated_at",
        "position",
        "sorting",
        "locale",
        "source_locale",
        "outdated",
        "theme_template",
    ]);
    object.left(account);
}

/// What all translations of an article have alike.
#[derive(Clone)]
struct Shared {
    id: String,
    category: String,
    audience: Audience,
    tags: Vec<String>,
    url: String,
}

impl Shared {
    fn of(article: &mut Object, places: &Places, account: &mut Account) -> Shared {
        let section = Some(article.text("section_id")).filter(|id| !id.is_empty()).map(|id| format!("section {id}"));
        let category = places.path(&section.unwrap_or_default(), "section", article.id(), account);
        // A segment of users: signed in, or the team. None of them is the public.
        let is_restricted = ["user_segment_id", "user_segment_ids"].iter().any(|name| !is_empty(&article.value(name)));
        if is_restricted {
            account.list("articles for a segment of users, now for agents alone", article.id());
        }
        let audience = if is_restricted { Audience::Agents } else { Audience::Public };
        let (tags, url) = (article.texts("label_names"), article.text("html_url"));
        Shared { id: article.id().to_owned(), category, audience, tags, url }
    }

    /// The same, of the article with this id.
    fn of_id(mut self, id: String) -> Shared {
        self.id = id;
        self
    }

    fn hand_over(self, mut text: Object, language: String, place: Place, intake: &mut Intake) -> Result<(), Stopped> {
        let Shared { id, category, audience, tags, url } = self;
        if let Some(reason) = left_out(&mut text) {
            intake.account.list(reason, &id);
            return Ok(());
        }
        let document_id = format!("zendesk-{id}");
        let html = text.text("body");
        let (edited, updated) = (text.time("edited_at"), text.time("updated_at"));
        let draft = Draft {
            body: intake.bodies.article_html(&html, known, &url, &id, &mut intake.account),
            id: document_id,
            language,
            title: text.text("title"),
            category,
            tags,
            updated_at: edited.or(updated),
        };
        text.left(&mut intake.account);
        intake.article(draft, audience, &url, &place)
    }
}

/// Hands a macro over: its comment, to customers as a canned answer, to colleagues as an article for agents.
fn canned_answer(mut object: Object, place: &Place, people: &People, intake: &mut Intake) -> Result<(), Stopped> {
    let id = object.id().to_owned();
    if object.has("active") && !object.flag("active") {
        intake.account.list("macros that are not active, left out", &id);
        return Ok(());
    }
    let (mut html, mut text, mut is_internal) = (String::new(), String::new(), false);
    for action in object.list("actions") {
        let Ok(mut action) = Object::new("macro action", action) else { continue };
        let field = action.text("field");
        let value = match action.value("value") {
            // A channel and the text for it.
            Value::Array(values) => values.last().map(plain).unwrap_or_default(),
            value => plain(&value),
        };
        match field.as_str() {
            "comment_value_html" => html = value,
            "comment_value" => text = value,
            "comment_mode_is_public" => is_internal = said(&Value::String(value)) != Said::Yes,
            _ => intake.account.list(format!("macro action `{field}`"), &id),
        }
    }
    if html.trim().is_empty() && text.trim().is_empty() {
        intake.account.list("macros without a comment, left out", &id);
        return Ok(());
    }
    let title = object.text("title");
    let (category, title) = match title.rsplit_once("::") {
        Some((category, title)) => (category.replace("::", " / "), title.to_owned()),
        None => (String::new(), title),
    };
    let body = match html.trim().is_empty() {
        true => intake.bodies.answer(&text, known, &id, &mut intake.account),
        false => intake.bodies.answer_html(&html, known, &id, &mut intake.account),
    };
    let visibility = visibility(&mut object, people, &mut intake.account);
    let updated_at = object.time("updated_at");
    object.skip(&["url", "created_at", "updated_at", "position", "active", "raw_title", "default"]);
    object.left(&mut intake.account);
    let draft = Draft { id: format!("zendesk-{id}"), language: String::new(), title, body, category, tags: Vec::new(), updated_at };
    if is_internal {
        intake.account.list("macros with an internal comment, now articles for agents", &id);
        return intake.article(Draft { id: format!("zendesk-macro-{id}"), ..draft }, Audience::Agents, "", place);
    }
    intake.canned_answer(draft, "", visibility, place)
}

fn visibility(object: &mut Object, people: &People, account: &mut Account) -> Visibility {
    let Some(mut restriction) = object.object("restriction", "macro restriction") else { return Visibility::Everyone };
    let (kind, id, ids) = (restriction.text("type"), restriction.text("id"), restriction.texts("ids"));
    if ids.len() > 1 {
        account.list("macros of several groups, now of the first", object.id());
    }
    let owner = if id.is_empty() { ids.into_iter().next().unwrap_or_default() } else { id };
    match kind.as_str() {
        "User" => Visibility::Agent(owner),
        _ => Visibility::Group(people.group(&owner)),
    }
}

/// Zendesk's placeholders that are ours.
fn known(name: &str) -> Option<String> {
    let ours = match name {
        "ticket.requester.name" => "customer.name",
        "ticket.requester.first_name" => "customer.first_name",
        "ticket.requester.email" => "customer.email",
        "ticket.requester.phone" => "customer.phone",
        "current_user.name" | "current_user.first_name" | "ticket.assignee.name" | "ticket.assignee.first_name" | "agent.name" => {
            "agent.name"
        }
        _ => {
            return name.strip_prefix("ticket.requester.custom_fields.").map(|key| format!("customer.attributes.{key}"));
        }
    };
    Some(ours.to_owned())
}
