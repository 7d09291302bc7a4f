//! Runs a task through the service's own code.

use std::{collections::HashMap, time::Instant};

use jiff::Timestamp;
use tempfile::TempDir;

use crate::{
    app::App,
    chats::{Author, EventBody, Message, NewEvent},
    cli::eval::{
        measure::{Answered, Measures},
        task::{Query, Role, Task, TaskDocument},
    },
    cli::scratch_folder,
    config::{Config, DeskSettings},
    ids::{Id, Workspace},
    knowledge::{Audience, Conditions, Details, Document, Kind, NewDocument, Reader, Search, Visibility},
    replies::{Agent, Desk, Suggest},
    text::{Language, fingerprint},
};

/// Documents per Put.
const PUT_BATCH: usize = 1000;
/// Length of the ranked lists.
const MAX_HITS: usize = 10;

/// A service in a temporary folder, with a task's documents.
pub struct TaskRun {
    app: App,
    desk: Desk,
    suggest: bool,
    kind: Kind,
    _scratch: TempDir,
}

impl TaskRun {
    /// Opens the service and imports the documents. `progress` is called with how many documents have been embedded, of how many, if an
    /// embeddings endpoint is configured.
    pub async fn open(
        config: &Config,
        task: &Task,
        suggest: bool,
        articles: bool,
        progress: impl Fn(usize, usize),
    ) -> anyhow::Result<TaskRun> {
        let scratch = scratch_folder()?;
        let data = scratch.path().join("data");
        std::fs::create_dir_all(&data)?;
        let language = Language::parse(&task.documents[0].lang).map_err(anyhow::Error::msg)?;
        let desk = DeskSettings { languages: vec![language.clone()], language, ..config.desk.clone() };
        let config = Config { data, desk, knowledge_base: None, embedding: config.embedding.clone(), ..Config::default() };
        let app = App::open(&config).await?;
        let desk = app.desk(&Workspace::default()).clone();
        let kind = if suggest && !articles { Kind::CannedAnswer } else { Kind::Article };
        for documents in task.documents.chunks(PUT_BATCH) {
            let documents = documents.iter().map(|document| new_document(document, kind)).collect::<anyhow::Result<Vec<NewDocument>>>()?;
            desk.knowledge().put(documents).await?;
        }
        desk.embed_all(progress).await?;
        Ok(TaskRun { app, desk, suggest, kind, _scratch: scratch })
    }

    pub async fn measure(
        &self,
        task: &Task,
        queries: &[&Query],
        progress: impl Fn(usize, usize),
    ) -> anyhow::Result<(Measures, Vec<String>)> {
        let mut answered = Vec::with_capacity(queries.len());
        let mut misses = Vec::new();
        for (number, query) in queries.iter().enumerate() {
            progress(number, queries.len());
            let start = Instant::now();
            let found = if self.suggest { self.suggestions(query).await? } else { self.hits(query).await? };
            let took = start.elapsed();
            let right = task.answers.get(&query.id);
            let is_right = |id: &str| right.is_some_and(|right| right.contains(id));
            if let Some(right) = right.filter(|_| !found.first().is_some_and(|(id, _)| is_right(id))) {
                let text = query.turns.last().map_or(query.text.as_str(), |turn| turn.text.as_str());
                let first = found.first().map_or("nothing", |(id, _)| id.as_str());
                let mut right: Vec<&str> = right.iter().map(String::as_str).collect();
                right.sort_unstable();
                misses.push(format!("{}: {text:?} found {first}, not {}", query.id, right.join(", ")));
            }
            answered.push(Answered {
                right: (0..found.len()).filter(|rank| is_right(&found[*rank].0)).collect(),
                answers: right.map_or(0, |right| right.len()),
                score: found.first().map_or(0.0, |(_, score)| *score),
                out_of_scope: query.oos,
                took,
            });
        }
        Ok((Measures::of(&answered), misses))
    }

    /// Appends this percentage of the conversations as history, learns from them, and returns the queries of the others.
    pub async fn teach<'a>(&self, task: &'a Task, percent: u8) -> anyhow::Result<Vec<&'a Query>> {
        let bodies: HashMap<&str, &str> = task.documents.iter().map(|document| (document.id.as_str(), document.body.as_str())).collect();
        let teaches = |query: &&Query| {
            let hash = fingerprint(query.conversation());
            u64::from_str_radix(&hash[..8], 16).is_ok_and(|hash| hash % 100 < u64::from(percent))
        };
        let (teaching, measured): (Vec<&Query>, Vec<&Query>) = task.queries.iter().partition(teaches);
        for query in teaching {
            // The answers are a set; the first by name is picked, so that runs are the same.
            let answer = task.answers.get(&query.id).and_then(|right| right.iter().min());
            let Some(body) = answer.and_then(|answer| bodies.get(answer.as_str())) else { continue };
            let mut events = events(query)?;
            events.push(message(events.len(), Author::Agent, body)?);
            let chat_id = Id::new(format!("history-{}", query.id)).map_err(anyhow::Error::msg)?;
            self.desk.chats().append(&chat_id, events).await?;
        }
        self.desk.learn().await?;
        Ok(measured)
    }

    /// How often the embeddings endpoint did not answer in time.
    pub fn unanswered(&self) -> u32 {
        self.desk.unanswered_embeddings()
    }

    pub async fn close(self) {
        self.app.store.close().await;
    }

    async fn hits(&self, query: &Query) -> anyhow::Result<Vec<(String, f64)>> {
        let hits = self.desk.search(help_page_search(&query.text, &query.lang, MAX_HITS)?).await?;
        Ok(hits.hits.into_iter().map(|hit| (hit.document.id.to_string(), hit.score)).collect())
    }

    async fn suggestions(&self, query: &Query) -> anyhow::Result<Vec<(String, f64)>> {
        let suggest = Suggest {
            chat_id: Some(Id::new(format!("query-{}", query.id)).map_err(anyhow::Error::msg)?),
            agent: Agent::default(),
            events: events(query)?,
            query: String::new(),
            kinds: vec![self.kind],
            language: Some(Language::parse(&query.lang).map_err(anyhow::Error::msg)?),
            limit: MAX_HITS,
        };
        let suggestions = self.desk.suggest(suggest).await?;
        Ok(suggestions.into_iter().map(|suggestion| (suggestion.id, suggestion.score)).collect())
    }
}

/// A search as a customer types it on a help page.
pub fn help_page_search(query: &str, language: &str, limit: usize) -> anyhow::Result<Search> {
    Ok(Search {
        query: query.to_owned(),
        language: Language::parse(language).map_err(anyhow::Error::msg)?,
        category: String::new(),
        tags: Vec::new(),
        limit,
        offset: 0,
        reader: Reader::public(),
        meaning: None,
    })
}

/// A query as the messages of a chat.
fn events(query: &Query) -> anyhow::Result<Vec<NewEvent>> {
    if query.turns.is_empty() {
        return Ok(vec![message(0, Author::Customer, &query.text)?]);
    }
    let author = |role: Role| if role == Role::Customer { Author::Customer } else { Author::Agent };
    query.turns.iter().enumerate().map(|(number, turn)| message(number, author(turn.role), &turn.text)).collect()
}

fn message(number: usize, author: Author, text: &str) -> anyhow::Result<NewEvent> {
    Ok(NewEvent {
        event_id: Id::new(format!("turn-{number}")).map_err(anyhow::Error::msg)?,
        at: Some(Timestamp::now()),
        body: EventBody::Message(Message {
            author,
            text: text.to_owned(),
            author_id: String::new(),
            author_name: String::new(),
            language: None,
            attachments: Vec::new(),
            quoted_text: String::new(),
        }),
    })
}

fn new_document(document: &TaskDocument, kind: Kind) -> anyhow::Result<NewDocument> {
    let details = match kind {
        Kind::Article => Details::Article { audience: Audience::Public, url: String::new() },
        Kind::CannedAnswer => {
            Details::CannedAnswer { shortcut: String::new(), visibility: Visibility::Everyone, when: Conditions::default() }
        }
    };
    let document = Document {
        id: Id::new(&document.id).map_err(anyhow::Error::msg)?,
        language: Language::parse(&document.lang).map_err(anyhow::Error::msg)?,
        title: document.title.clone(),
        body: document.body.clone(),
        category: document.category.clone(),
        tags: document.tags.clone(),
        asked: Vec::new(),
        from_folder: false,
        updated_at: Timestamp::default(),
        withdrawn: false,
        details,
    };
    Ok(NewDocument { document, updated_at: None })
}
