//! What a source hands over: documents and chats, checked here against the API's limits, through a queue with a bound.

use std::collections::HashSet;

use jiff::Timestamp;
use tokio::sync::mpsc::Sender;

use crate::{
    cli::import::{
        account::{Account, Place},
        body::Bodies,
        chat::NewChat,
    },
    ids::Id,
    knowledge::{
        Audience, Conditions, Details, Document, DocumentKey, Visibility, check_body, check_id, check_name, check_tag_count, check_time,
        check_title, check_url,
    },
    text::{Language, detect},
};

/// The languages that a text is most likely in, which need the least proof.
const EXPECTED: [&str; 4] = ["en", "de", "tr", "hu"];

/// Something to import.
#[derive(Debug)]
pub enum Item {
    Document(Box<Document>, Place),
    Chat(NewChat),
}

/// The receiver is gone: the run ends.
#[derive(Debug)]
pub struct Stopped;

/// A document as a source has it, before it is checked. What is empty is not set.
#[derive(Debug, Default)]
pub struct Draft {
    pub id: String,
    /// A tag as the source writes it, such as `en-us` or `pt_BR`.
    pub language: String,
    pub title: String,
    pub body: String,
    pub category: String,
    pub tags: Vec<String>,
    pub updated_at: Option<Timestamp>,
}

/// Takes what a source reads.
pub struct Intake {
    pub account: Account,
    pub bodies: Bodies,
    /// The language of texts that name none; found out if it is not given.
    pub language: Option<Language>,
    /// Whether articles of a source that does not say it are for agents alone.
    pub for_agents: bool,
    /// The shop's own mail addresses and domains, in lower case.
    pub own_addresses: Vec<String>,
    sender: Sender<Item>,
    known: HashSet<DocumentKey>,
    shortcuts: HashSet<(Language, String)>,
    chats: HashSet<String>,
}

impl Intake {
    pub fn new(bodies: Bodies, language: Option<Language>, sender: Sender<Item>) -> Intake {
        let (known, shortcuts, chats) = (HashSet::new(), HashSet::new(), HashSet::new());
        Intake {
            account: Account::default(),
            bodies,
            language,
            for_agents: false,
            own_addresses: Vec::new(),
            sender,
            known,
            shortcuts,
            chats,
        }
    }

    /// Hands an article over.
    pub fn article(&mut self, draft: Draft, audience: Audience, url: &str, place: &Place) -> Result<(), Stopped> {
        let url = match check_url(url) {
            Ok(()) => url.to_owned(),
            Err(_) => {
                self.account.list("article's address that is not http or https", &draft.id);
                String::new()
            }
        };
        self.document(draft, Details::Article { audience, url }, place)
    }

    /// Hands a canned answer over. A shortcut that another one has already is listed.
    pub fn canned_answer(&mut self, draft: Draft, shortcut: &str, visibility: Visibility, place: &Place) -> Result<(), Stopped> {
        let shortcut = shortcut.trim().trim_start_matches('/');
        let language = self.language_of(&draft.language, &draft.body);
        let is_free = check_name(shortcut).is_ok() && (shortcut.is_empty() || self.shortcuts.insert((language, shortcut.to_owned())));
        if !is_free {
            self.account.list("shortcut that is another answer's, or too long", &draft.id);
        }
        let shortcut = if is_free { shortcut.to_owned() } else { String::new() };
        self.document(draft, Details::CannedAnswer { shortcut, visibility, when: Conditions::default() }, place)
    }

    /// Hands a document over that is complete.
    fn document(&mut self, draft: Draft, details: Details, place: &Place) -> Result<(), Stopped> {
        let Draft { id, language, title, body, category, tags, updated_at } = draft;
        let language = self.language_of(&language, &body);
        let title: String = title.split_whitespace().collect::<Vec<&str>>().join(" ");
        let checked = Id::new(id.as_str()).map_err(|problem| format!("the id {problem}"));
        let checked = checked.and_then(|id| match Document::file_name_problem(id.as_str()) {
            Some(problem) => Err(format!("the id `{id}` {problem}")),
            None => Ok(id),
        });
        let updated_at = updated_at.unwrap_or_default();
        let checked = checked.and_then(|id| {
            check_title(&title).map_err(|problem| format!("the title of `{id}` {problem}"))?;
            check_body(&body).map_err(|problem| match body.trim().is_empty() {
                true => format!("`{id}` has no text, so nothing is imported of it"),
                false => format!("the text of `{id}` {problem}; divide it into several"),
            })?;
            check_tag_count(tags.len()).map_err(|problem| format!("`tags` of `{id}` {problem}"))?;
            if updated_at != Timestamp::default() {
                check_time(updated_at, Timestamp::now()).map_err(|problem| format!("the time of `{id}` {problem}"))?;
            }
            Ok(id)
        });
        let id = match checked {
            Ok(id) => id,
            Err(problem) => {
                self.account.broken(place, problem);
                return Ok(());
            }
        };
        let category = match check_name(category.trim()) {
            Ok(()) => category.trim().to_owned(),
            Err(_) => {
                self.account.list("category that is longer than 200 bytes", id.as_str());
                String::new()
            }
        };
        let (tags, bad): (Vec<String>, Vec<String>) = tags.into_iter().partition(|tag| check_id(tag).is_ok());
        if !bad.is_empty() {
            self.account.list("tags that are longer than 200 bytes", id.as_str());
        }
        let document = Document {
            id,
            language,
            title,
            body,
            category,
            tags,
            asked: Vec::new(),
            from_folder: false,
            updated_at,
            withdrawn: false,
            details,
        };
        self.whole(document, place)
    }

    /// Hands a checked document over. The same id in the same language twice is broken.
    pub fn whole(&mut self, document: Document, place: &Place) -> Result<(), Stopped> {
        if !self.known.insert(document.key()) {
            let problem = format!("`{}` in {} came already; ids must be unique, so this one is left out", document.id, document.language);
            self.account.broken(place, problem);
            return Ok(());
        }
        self.send(Item::Document(Box::new(document), place.clone()))
    }

    /// Hands a chat of a source over: one that came already is only told of, as its events are the same or new ones.
    pub fn chat(&mut self, chat: NewChat) -> Result<(), Stopped> {
        if chat.chat_id.is_empty() {
            self.account.broken(&chat.place, "the chat has no id");
            return Ok(());
        }
        if chat.events.is_empty() {
            self.account.broken(&chat.place, format!("`{}` has no message, so nothing is imported of it", chat.chat_id));
            return Ok(());
        }
        if !self.chats.insert(chat.chat_id.clone()) {
            self.account.list("chats that came several times, and became one", &chat.chat_id);
        }
        self.send(Item::Chat(chat))
    }

    /// Hands a line of a chat over, of which others may follow.
    pub fn chat_line(&mut self, chat: NewChat) -> Result<(), Stopped> {
        self.send(Item::Chat(chat))
    }

    /// The language that a tag of a source means, or that of the flags, or the text's own; English if that is not sure.
    pub fn language_of(&self, tag: &str, body: &str) -> Language {
        let tag = tag.trim().replace('_', "-");
        if let Ok(language) = Language::parse(&tag) {
            return language;
        }
        let english = || Language::parse("en").expect("a constant tag");
        self.language
            .clone()
            .or_else(|| detect(body, &EXPECTED.map(|tag| Language::parse(tag).expect("a constant tag"))))
            .unwrap_or_else(english)
    }

    fn send(&mut self, item: Item) -> Result<(), Stopped> {
        self.sender.blocking_send(item).map_err(|_| Stopped)
    }
}
