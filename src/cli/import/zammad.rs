//! Zammad: what its API gives. Text modules, and answers of the knowledge base, which come as tables of objects that name each other.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::PathBuf,
};

use indicatif::ProgressBar;
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    cli::import::{
        account::{Account, Place},
        intake::{Draft, Intake, Stopped},
        json_file::for_each_value,
        object::{Object, is_empty, time_of},
        places::Places,
        zammad_tickets::{Assets, ticket, ticket_of_assets},
    },
    knowledge::{Audience, Visibility},
};

const WHAT: &str = "JSON of Zammad's API: text modules, the knowledge base (`/knowledge_bases/init`), or tickets with their articles";

/// The tables of the knowledge base, by name and id.
#[derive(Default)]
struct Tables(HashMap<String, HashMap<String, Object>>);

/// The names of the tables, and what an object of each is called.
const TABLES: [(&str, &str); 8] = [
    ("KnowledgeBaseAnswer", "knowledge base answer"),
    ("KnowledgeBaseAnswerTranslation", "answer translation"),
    ("KnowledgeBaseAnswerTranslationContent", "answer content"),
    ("KnowledgeBaseCategory", "knowledge base category"),
    ("KnowledgeBaseCategoryTranslation", "category translation"),
    ("KnowledgeBaseLocale", "knowledge base locale"),
    ("KnowledgeBase", "knowledge base"),
    ("Locale", "locale"),
];

impl Tables {
    /// Takes the tables of a reply; returns whether it had any.
    fn take(&mut self, reply: &mut Object) -> bool {
        let mut any = false;
        for (name, kind) in TABLES {
            any |= reply.has(name);
            let items: Vec<Value> = match reply.value(name) {
                Value::Object(by_id) => by_id.into_iter().map(|(_, item)| item).collect(),
                Value::Array(items) => items,
                _ => Vec::new(),
            };
            for item in items {
                if let Ok(object) = Object::new(kind, item) {
                    self.0.entry(name.to_owned()).or_default().insert(object.id().to_owned(), object);
                }
            }
        }
        any
    }

    fn table(&mut self, name: &str) -> HashMap<String, Object> {
        self.0.remove(name).unwrap_or_default()
    }
}

pub fn read(files: &[PathBuf], bar: &ProgressBar, intake: &mut Intake) -> anyhow::Result<()> {
    let mut account = Account::default();
    let mut tables = Tables::default();
    let mut place_of_tables = None;
    for_each_value(files, WHAT, bar, &mut account, |value, place, account| {
        take(value, &place, account, intake, &mut tables, &mut place_of_tables)
    });
    intake.account.add(account);
    if let Some(place) = place_of_tables {
        // The receiver may have gone, which it says for itself.
        let _ = answers(tables, &place, intake);
    }
    Ok(())
}

fn take(
    value: Value,
    place: &Place,
    account: &mut Account,
    intake: &mut Intake,
    tables: &mut Tables,
    place_of_tables: &mut Option<Place>,
) -> Result<(), Stopped> {
    if let Value::Array(items) = value {
        return items.into_iter().try_for_each(|item| take(item, place, account, intake, tables, place_of_tables));
    }
    let mut object = match Object::new("object", value) {
        Ok(object) => object,
        Err(problem) => {
            account.broken(place, problem);
            return Ok(());
        }
    };
    if let Some(mut assets) = object.object("assets", "assets") {
        if tables.take(&mut assets) {
            place_of_tables.get_or_insert_with(|| place.clone());
            return Ok(());
        }
        let assets = Assets::of(&mut assets);
        let chats = ticket_of_assets(assets, place, account);
        if chats.is_empty() {
            account.broken(place, format!("the reply has no ticket; wanted is {WHAT}"));
        }
        for chat in chats {
            match chat {
                Ok(chat) => intake.chat(chat)?,
                Err(problem) => account.broken(place, problem),
            }
        }
        return Ok(());
    }
    if tables.take(&mut object) {
        place_of_tables.get_or_insert_with(|| place.clone());
        return Ok(());
    }
    if object.has("content") && object.has("name") {
        return text_module(object, place, intake);
    }
    if object.has("articles") || object.has("article_ids") || object.has("number") {
        return match ticket(object, &Assets::default(), place, account) {
            Ok(chat) => intake.chat(chat),
            Err(problem) => {
                account.broken(place, problem);
                Ok(())
            }
        };
    }
    account.broken(place, format!("no object of Zammad; wanted is {WHAT}"));
    Ok(())
}

fn text_module(object: Object, place: &Place, intake: &mut Intake) -> Result<(), Stopped> {
    let id = object.id().to_owned();
    let mut object = object.named("text module", &id);
    if id.is_empty() {
        intake.account.broken(place, "the text module has no id, so a second run would not know it again; it is left out");
        return Ok(());
    }
    if object.has("active") && !object.flag("active") {
        intake.account.list("text modules that are not active, left out", &id);
        return Ok(());
    }
    let name = object.text("name");
    let groups = match object.texts("groups") {
        names if names.is_empty() => object.texts("group_ids"),
        names => {
            object.skip(&["group_ids"]);
            names
        }
    };
    if groups.len() > 1 {
        intake.account.list("text modules of several groups, now of the first", &id);
    }
    let visibility = groups.into_iter().next().map_or(Visibility::Everyone, Visibility::Group);
    let draft = Draft {
        id: format!("zammad-{id}"),
        title: name,
        body: intake.bodies.answer_html(&object.text("content"), known, &id, &mut intake.account),
        tags: object.text("keywords").split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect(),
        updated_at: object.time("updated_at"),
        ..Draft::default()
    };
    object.skip(&[
        "id",
        "created_at",
        "updated_at",
        "created_by_id",
        "updated_by_id",
        "created_by",
        "updated_by",
        "foreign_id",
        "user_id",
        "user",
    ]);
    object.left(&mut intake.account);
    intake.canned_answer(draft, "", visibility, place)
}

/// Hands over the answers of the knowledge base.
fn answers(mut tables: Tables, place: &Place, intake: &mut Intake) -> Result<(), Stopped> {
    let mut answers = tables.table("KnowledgeBaseAnswer");
    let mut contents = tables.table("KnowledgeBaseAnswerTranslationContent");
    let locales = locales(&mut tables);
    let mut categories = Categories::of(&mut tables);
    let mut audiences: HashMap<String, Option<Audience>> = HashMap::new();
    let mut translations: Vec<Object> = tables.table("KnowledgeBaseAnswerTranslation").into_values().collect();
    translations.sort_by_key(|translation| translation.id().parse::<u64>().unwrap_or_default());
    for mut translation in translations {
        let id = translation.id().to_owned();
        let answer_id = translation.text("answer_id");
        let Some(answer) = answers.get_mut(&answer_id) else {
            // Without it nothing says who may see the text.
            intake.account.list("translations whose answer is not in the files, left out", &id);
            continue;
        };
        let audience = *audiences.entry(answer_id.clone()).or_insert_with(|| audience(answer, &mut intake.account));
        let Some(audience) = audience else { continue };
        let content_id = translation.text("content_id");
        let Some(content) = contents.get_mut(&content_id) else {
            intake.account.list("answers whose content is not in the files; ask for it with `include_contents`", &answer_id);
            continue;
        };
        let locale = translation.text("kb_locale_id");
        let category_id = answer.peek("category_id");
        if categories.is_inactive(&category_id) {
            intake.account.list("answers of a knowledge base that is not active, left out", &answer_id);
            continue;
        }
        let category = categories.path(&category_id, &locale, &answer_id, &mut intake.account);
        let draft = Draft {
            id: format!("zammad-{answer_id}"),
            language: locales.get(&locale).cloned().unwrap_or_default(),
            title: translation.text("title"),
            body: intake.bodies.article_html(&content.text("body"), known, "", &answer_id, &mut intake.account),
            category,
            tags: answer.texts("tags"),
            updated_at: translation.time("updated_at"),
        };
        translation.skip(&["id", "created_at", "created_by_id", "updated_by_id"]);
        translation.left(&mut intake.account);
        intake.article(draft, audience, "", place)?;
    }
    for (_, mut answer) in answers {
        answer.skip(&[
            "id",
            "category_id",
            "position",
            "created_at",
            "updated_at",
            "translation_ids",
            "archived_by_id",
            "internal_by_id",
            "published_by_id",
            "promoted",
            "tags",
        ]);
        answer.left(&mut intake.account);
    }
    Ok(())
}

/// Who may see an answer; nobody if it is a draft or archived.
fn audience(answer: &mut Object, account: &mut Account) -> Option<Audience> {
    let now = Timestamp::now();
    // Nothing if the field says something that is no time.
    let mut is_past = |name: &str| match answer.value(name) {
        value if is_empty(&value) => Some(false),
        value => time_of(&value).map(|time| time <= now),
    };
    let (archived, published, internal) = (is_past("archived_at"), is_past("published_at"), is_past("internal_at"));
    match (archived, published, internal) {
        (Some(true) | None, _, _) => account.list("archived answers, left out", answer.id()),
        (Some(false), Some(true), _) => return Some(Audience::Public),
        (Some(false), _, Some(true)) => return Some(Audience::Agents),
        (Some(false), _, _) => account.list("drafts, left out", answer.id()),
    }
    None
}

/// The tag of each locale of the knowledge base, where a file has Zammad's own table of locales.
fn locales(tables: &mut Tables) -> HashMap<String, String> {
    let mut system = tables.table("Locale");
    let own = tables.table("KnowledgeBaseLocale").into_iter();
    own.filter_map(|(id, mut locale)| {
        let inline = locale.text("locale");
        let tag = if inline.is_empty() { system.get_mut(&locale.text("system_locale_id"))?.peek("locale") } else { inline };
        Some((id, tag))
    })
    .collect()
}

/// The categories of the knowledge bases.
struct Categories {
    /// The category that each stands in, and the knowledge base that it is of.
    parents: HashMap<String, (String, String)>,
    /// The titles, by category and locale.
    titles: BTreeMap<String, BTreeMap<String, String>>,
    /// Knowledge bases that are switched off.
    inactive: HashSet<String>,
    /// The ways to categories, by locale.
    places: HashMap<String, Places>,
}

impl Categories {
    fn of(tables: &mut Tables) -> Categories {
        let mut titles: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for mut title in tables.table("KnowledgeBaseCategoryTranslation").into_values() {
            titles.entry(title.text("category_id")).or_default().insert(title.text("kb_locale_id"), title.text("title"));
        }
        let categories = tables.table("KnowledgeBaseCategory").into_iter();
        let parents = categories.map(|(id, mut category)| (id, (category.text("parent_id"), category.text("knowledge_base_id"))));
        let bases = tables.table("KnowledgeBase").into_iter();
        let inactive = bases.filter_map(|(id, mut base)| (base.has("active") && !base.flag("active")).then_some(id));
        Categories { parents: parents.collect(), titles, inactive: inactive.collect(), places: HashMap::new() }
    }

    /// Whether the knowledge base of a category is switched off. One that no file names may be any.
    fn is_inactive(&self, id: &str) -> bool {
        match self.parents.get(id) {
            Some((_, base)) if !base.is_empty() => self.inactive.contains(base),
            _ => !self.inactive.is_empty(),
        }
    }

    /// The way to a category in a locale; where it has no title in it, in another one.
    fn path(&mut self, id: &str, locale: &str, answer: &str, account: &mut Account) -> String {
        let Categories { parents, titles, places, .. } = self;
        let places = places.entry(locale.to_owned()).or_insert_with(|| {
            let mut places = Places::default();
            for (id, by_locale) in titles {
                let title = by_locale.get(locale).or_else(|| by_locale.values().next()).cloned().unwrap_or_default();
                places.add(id, &title, parents.get(id).map(|(parent, _)| parent.as_str()).unwrap_or_default());
            }
            places
        });
        places.path(id, "category", answer, account)
    }
}

/// Zammad's variables that are ours.
fn known(name: &str) -> Option<String> {
    let ours = match name {
        "ticket.customer.firstname" => "customer.first_name",
        "ticket.customer.fullname" => "customer.name",
        "ticket.customer.email" => "customer.email",
        "ticket.customer.phone" | "ticket.customer.mobile" => "customer.phone",
        "user.firstname" | "user.fullname" | "ticket.owner.firstname" | "ticket.owner.fullname" => "agent.name",
        _ => return None,
    };
    Some(ours.to_owned())
}
