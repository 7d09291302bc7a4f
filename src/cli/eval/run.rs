//! A task, run through the service's own code.

use std::{sync::Arc, time::Instant};

use jiff::Timestamp;

use super::{
    super::scratch::Scratch,
    measure::{Answered, Measures},
    task::{Query, Role, Task, TaskDocument},
};
use crate::{
    chats::{Author, Chats, EventBody, Message, NewEvent},
    config::{Config, Desk as DeskSettings, Workspace},
    knowledge::{Audience, Details, Document, Kind, Knowledge, NewDocument, Reader, Search, Visibility},
    model::Models,
    replies::{Agent, Erasures, Replies, Suggest},
    store::Store,
    text::{Id, Language},
};

/// Documents that are put at a time.
const AT_ONCE: usize = 1000;
/// Places that are looked at.
const MOST: usize = 10;

/// A service of its own, with a task's documents, in a folder that goes with it.
pub struct Desk {
    store: Store,
    knowledge: Knowledge,
    replies: Replies,
    suggest: bool,
    kind: Kind,
    _scratch: Scratch,
}

impl Desk {
    pub async fn open(config: &Config, task: &Task, suggest: bool, articles: bool) -> anyhow::Result<Desk> {
        let scratch = Scratch::new()?;
        let data = scratch.path().join("data");
        std::fs::create_dir_all(&data)?;
        let store = Store::open(&Store::sqlite_url(&data)).await?;
        let workspace = Workspace::default_name();
        let knowledge = Knowledge::start(store.clone(), workspace.clone(), None, &data).await?;
        let language = Language::parse(&task.documents[0].lang).map_err(anyhow::Error::msg)?;
        let settings = DeskSettings { languages: vec![language.clone()], language, ..config.desk.clone() };
        let chats = Chats::start(store.clone(), settings.languages.clone());
        let models = Models::new(&[], settings.context_tokens)?;
        let replies = Replies::start(store.clone(), chats.clone(), knowledge.clone(), models, Arc::new(settings), Erasures::open(&data)?);
        let kind = if suggest && !articles { Kind::CannedAnswer } else { Kind::Article };
        for documents in task.documents.chunks(AT_ONCE) {
            let documents = documents.iter().map(|document| new_document(document, kind)).collect::<anyhow::Result<Vec<NewDocument>>>()?;
            knowledge.put(&workspace, documents).await?;
        }
        Ok(Desk { store, knowledge, replies, suggest, kind, _scratch: scratch })
    }

    pub async fn measure(&self, task: &Task, progress: impl Fn(usize, usize)) -> anyhow::Result<(Measures, Vec<String>)> {
        let mut answered = Vec::with_capacity(task.queries.len());
        let mut misses = Vec::new();
        for (number, query) in task.queries.iter().enumerate() {
            progress(number, task.queries.len());
            let start = Instant::now();
            let found = if self.suggest { self.suggestions(query).await? } else { self.hits(query)? };
            let took = start.elapsed();
            let right = task.answers.get(&query.id);
            let is_right = |id: &str| right.is_some_and(|right| right.contains(id));
            if let Some(right) = right.filter(|_| !found.first().is_some_and(|(id, _)| is_right(id))) {
                let said = query.turns.last().map_or(query.text.as_str(), |turn| turn.text.as_str());
                let first = found.first().map_or("nothing", |(id, _)| id.as_str());
                let mut right: Vec<&str> = right.iter().map(String::as_str).collect();
                right.sort_unstable();
                misses.push(format!("{}: {said:?} found {first}, not {}", query.id, right.join(", ")));
            }
            answered.push(Answered {
                right: (0..found.len()).filter(|place| is_right(&found[*place].0)).collect(),
                answers: right.map_or(0, |right| right.len()),
                score: found.first().map_or(0.0, |(_, score)| *score),
                out_of_scope: query.oos,
                took,
            });
        }
        Ok((Measures::of(&answered), misses))
    }

    pub async fn close(self) {
        self.store.close().await;
    }

    fn hits(&self, query: &Query) -> anyhow::Result<Vec<(String, f64)>> {
        let search = Search {
            query: query.text.clone(),
            language: Language::parse(&query.lang).map_err(anyhow::Error::msg)?,
            category: String::new(),
            tags: Vec::new(),
            limit: MOST,
            offset: 0,
            reader: Reader::public(),
        };
        let hits = self.knowledge.search(&Workspace::default_name(), &search)?;
        Ok(hits.hits.into_iter().map(|hit| (hit.document.id.to_string(), hit.score)).collect())
    }

    async fn suggestions(&self, query: &Query) -> anyhow::Result<Vec<(String, f64)>> {
        let id = |text: &str| Id::new(text).map_err(anyhow::Error::msg);
        let one = [(Role::Customer, query.text.as_str())];
        let turns: Vec<(Role, &str)> = query.turns.iter().map(|turn| (turn.role, turn.text.as_str())).collect();
        let turns = if turns.is_empty() { &one[..] } else { &turns[..] };
        let mut events = Vec::new();
        for (number, (role, text)) in turns.iter().enumerate() {
            let author = if *role == Role::Customer { Author::Customer } else { Author::Agent };
            events.push(NewEvent {
                event_id: id(&format!("turn-{number}"))?,
                at: Some(Timestamp::now()),
                body: EventBody::Message(Message {
                    author,
                    text: (*text).to_owned(),
                    author_id: String::new(),
                    author_name: String::new(),
                    language: None,
                    attachments: Vec::new(),
                }),
            });
        }
        let suggest = Suggest {
            chat_id: Some(id(&format!("query-{}", query.id))?),
            agent: Agent::default(),
            events,
            query: String::new(),
            kinds: vec![self.kind],
            language: Some(Language::parse(&query.lang).map_err(anyhow::Error::msg)?),
            limit: MOST,
        };
        let suggestions = self.replies.suggest(&Workspace::default_name(), suggest).await?;
        Ok(suggestions.into_iter().map(|suggestion| (suggestion.id, suggestion.score)).collect())
    }
}

fn new_document(document: &TaskDocument, kind: Kind) -> anyhow::Result<NewDocument> {
    let details = match kind {
        Kind::Article => Details::Article { audience: Audience::Public, url: String::new() },
        Kind::CannedAnswer => Details::CannedAnswer { shortcut: String::new(), visibility: Visibility::Everyone },
    };
    let document = Document {
        id: Id::new(&document.id).map_err(anyhow::Error::msg)?,
        language: Language::parse(&document.lang).map_err(anyhow::Error::msg)?,
        title: document.title.clone(),
        body: document.body.clone(),
        category: document.category.clone(),
        tags: document.tags.clone(),
        from_folder: false,
        updated_at: Timestamp::default(),
        details,
    };
    Ok(NewDocument { document, updated_at: None })
}
