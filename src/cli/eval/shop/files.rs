//! Reads a shop's labelled chats and searches.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};
use serde::Deserialize;

use crate::{
    chats::{Author, Channel, Customer, EventBody, Form, Message, NewEvent, Opened, Record},
    cli::eval::task::{Role, Turn, lines},
    ids::Id,
    text::Language,
};

/// A shop: its knowledge base, chats and searches.
pub struct Shop {
    pub name: String,
    pub knowledge_base: PathBuf,
    pub chats: Vec<LabelledChat>,
    /// Chats that no document answers.
    pub nothing: Vec<LabelledChat>,
    pub searches: Vec<LabelledSearch>,
}

/// A chat, and the documents that an agent wants for it.
#[derive(Deserialize)]
pub struct LabelledChat {
    pub id: String,
    pub lang: String,
    #[serde(default)]
    pub channel: Option<Channel>,
    #[serde(default)]
    pub subject: Option<String>,
    pub turns: Vec<Turn>,
    #[serde(default)]
    pub record: Option<LabelledRecord>,
    /// What an agent would take, and what an agent wants first.
    #[serde(default)]
    pub good: BTreeSet<String>,
    #[serde(default)]
    pub best: BTreeSet<String>,
    /// Documents that may be offered although nothing fits.
    #[serde(default)]
    pub harmless: BTreeSet<String>,
}

/// A record of the shop's systems. In its values `{-3}` stands for the date three days ago.
#[derive(Deserialize)]
pub struct LabelledRecord {
    pub source: String,
    pub reference: String,
    #[serde(default)]
    pub values: BTreeMap<String, String>,
}

/// A search as typed, and the articles that answer it.
#[derive(Deserialize)]
pub struct LabelledSearch {
    pub id: String,
    pub lang: String,
    #[serde(default)]
    pub kind: String,
    pub query: String,
    pub good: BTreeSet<String>,
    pub best: BTreeSet<String>,
}

impl Shop {
    /// Returns whether a folder is a shop rather than a task.
    pub fn is_at(folder: &Path) -> bool {
        folder.join("chats.jsonl").is_file()
    }

    /// Reads a shop's folder. `knowledge_base` stands for the folder's own if it is named.
    pub fn read(folder: &Path, knowledge_base: Option<&PathBuf>) -> anyhow::Result<Shop> {
        let knowledge_base = knowledge_base.cloned().unwrap_or_else(|| folder.join("knowledge-base"));
        ensure!(
            knowledge_base.is_dir(),
            "`{}` is not a folder; a shop has its documents there, or `--shop-knowledge-base` names another folder",
            knowledge_base.display()
        );
        let optional = |name: &str| folder.join(name).is_file().then(|| folder.join(name));
        let chats: Vec<LabelledChat> = lines(&folder.join("chats.jsonl"))?;
        for chat in &chats {
            ensure!(!chat.turns.is_empty(), "chat `{}` has no turns", chat.id);
            ensure!(!chat.good.is_empty(), "no document is good for chat `{}`; such chats belong into nothing.jsonl", chat.id);
        }
        Ok(Shop {
            name: folder.canonicalize()?.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            knowledge_base,
            chats,
            nothing: optional("nothing.jsonl").map_or_else(|| Ok(Vec::new()), |file| lines(&file))?,
            searches: optional("typed.jsonl").map_or_else(|| Ok(Vec::new()), |file| lines(&file))?,
        })
    }

    /// The languages of the documents.
    pub fn languages(&self) -> anyhow::Result<Vec<Language>> {
        let mut names = BTreeSet::new();
        for kind in ["articles", "canned-answers"] {
            let Ok(folders) = fs::read_dir(self.knowledge_base.join(kind)) else { continue };
            for folder in folders {
                names.insert(folder?.file_name().to_string_lossy().into_owned());
            }
        }
        names.iter().map(|name| Language::parse(name).map_err(anyhow::Error::msg)).collect()
    }
}

impl LabelledChat {
    /// The chat as a console would send it.
    pub fn events(&self) -> anyhow::Result<Vec<NewEvent>> {
        let opened = Opened {
            channel: self.channel.unwrap_or(Channel::WebChat),
            channel_name: String::new(),
            group: String::new(),
            subject: self.subject.clone().unwrap_or_default(),
        };
        let customer_id = format!("customer-{}", self.id);
        let customer = Customer { email: format!("{customer_id}@mail.example"), customer_id, ..Customer::default() };
        let mut bodies = vec![EventBody::Opened(opened), EventBody::Customer(customer)];
        if let Some(LabelledRecord { source, reference, values }) = &self.record {
            if source == "order" {
                bodies.push(EventBody::Form(Form { answers: [("order_number".to_owned(), reference.clone())].into() }));
            }
            let values = values.iter().map(|(key, value)| Ok((key.clone(), with_dates(value)?))).collect::<anyhow::Result<_>>()?;
            bodies.push(EventBody::Record(Record { source: source.clone(), reference: reference.clone(), values, url: String::new() }));
        }
        bodies.extend(self.turns.iter().map(|turn| {
            EventBody::Message(Message {
                author: if turn.role == Role::Customer { Author::Customer } else { Author::Agent },
                author_id: String::new(),
                author_name: String::new(),
                text: turn.text.clone(),
                language: None,
                quoted_text: String::new(),
                attachments: Vec::new(),
            })
        }));
        let began = Timestamp::now() - SignedDuration::from_mins(30);
        bodies
            .into_iter()
            .zip(0_i64..)
            .map(|(body, number)| {
                let event_id = Id::new(format!("e{number}")).map_err(anyhow::Error::msg)?;
                Ok(NewEvent { event_id, at: Some(began + SignedDuration::from_secs(number)), body })
            })
            .collect()
    }
}

/// Replaces `{-3}` by the date three days ago.
fn with_dates(value: &str) -> anyhow::Result<String> {
    let Some(offset) = value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else { return Ok(value.to_owned()) };
    let days: i64 = offset.parse().with_context(|| format!("`{value}` is not a number of days such as {{-3}}"))?;
    Ok(Zoned::now().date().checked_add(days.days())?.to_string())
}
