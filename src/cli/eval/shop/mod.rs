//! Measures a whole shop: suggestions and built-in drafts for its labelled chats, and searches of its help pages.

pub mod files;
pub mod report;

use anyhow::Context as _;
use futures::StreamExt;
use std::time::{Duration, Instant};
use tempfile::TempDir;

use crate::{
    app::App,
    cli::{
        eval::{
            run::help_page_search,
            shop::{
                files::{LabelledChat, LabelledSearch, Shop},
                report::{AnsweredChat, AnsweredSearch, Offered},
            },
        },
        scratch_folder,
    },
    config::{Config, DeskSettings},
    ids::{Id, Workspace},
    knowledge::Kind,
    replies::{Agent, Caller, Desk, Draft, Progress, Suggest},
};

/// Length of the lists: what an agent sees.
const MAX_SUGGESTIONS: usize = 5;
const MAX_HITS: usize = 10;
/// Deadline of a draft.
const DRAFT_TIMEOUT: Duration = Duration::from_secs(60);

/// A service in a temporary folder that serves a shop's knowledge base.
pub struct ShopRun {
    app: App,
    desk: Desk,
    _scratch: TempDir,
}

impl ShopRun {
    /// Opens the service and takes in the shop's folder. `progress` is called with how many documents have been embedded, of how many, if an
    /// embeddings endpoint is configured.
    pub async fn open(config: &Config, shop: &Shop, progress: impl Fn(usize, usize)) -> anyhow::Result<ShopRun> {
        let scratch = scratch_folder()?;
        let data = scratch.path().join("data");
        std::fs::create_dir_all(&data)?;
        let languages = shop.languages()?;
        let language = languages.first().context("the knowledge base has no documents")?.clone();
        let desk = DeskSettings { languages, language, ..config.desk.clone() };
        let knowledge_base = Some(shop.knowledge_base.clone());
        let config = Config { data, desk, knowledge_base, embedding: config.embedding.clone(), ..Config::default() };
        let app = App::open(&config).await?;
        let desk = app.desk(&Workspace::default()).clone();
        desk.embed_all(progress).await?;
        Ok(ShopRun { app, desk, _scratch: scratch })
    }

    /// Asks for suggestions and a draft for a chat.
    pub async fn chat(&self, chat: &LabelledChat, number: usize) -> anyhow::Result<AnsweredChat> {
        let chat_id = Id::new(format!("chat-{number}")).map_err(anyhow::Error::msg)?;
        self.desk.chats().append(&chat_id, chat.events()?).await?;
        let agent = Agent { agent_id: "agent".into(), name: "Kim".into(), ..Agent::default() };
        let suggest = Suggest {
            chat_id: Some(chat_id.clone()),
            agent: agent.clone(),
            events: Vec::new(),
            query: String::new(),
            kinds: vec![Kind::CannedAnswer, Kind::Article],
            language: None,
            limit: MAX_SUGGESTIONS,
        };
        let started = Instant::now();
        let suggestions = self.desk.suggest(suggest).await?;
        let took = started.elapsed();
        let offered = suggestions.into_iter().map(|one| Offered { document: document(one.kind, &one.id), score: one.score }).collect();
        let draft = Draft {
            chat_id,
            agent,
            events: Vec::new(),
            instruction: String::new(),
            previous_draft: String::new(),
            language: None,
            tone: None,
            layout: None,
            use_notes: false,
            caller: Caller::until(Instant::now() + DRAFT_TIMEOUT),
        };
        Ok(AnsweredChat { offered, drafted_from: self.drafted_from(draft).await, took })
    }

    /// Returns the first source of a draft; `None` if it is refused.
    async fn drafted_from(&self, draft: Draft) -> Option<String> {
        let mut progress = self.desk.draft(draft).await.ok()?;
        while let Some(step) = progress.next().await {
            if let Ok(Progress::Finished(finished)) = step {
                return finished.sources.first().map(|source| document(source.kind, &source.id));
            }
        }
        None
    }

    /// Searches the help pages as a customer.
    pub async fn search(&self, search: &LabelledSearch) -> anyhow::Result<AnsweredSearch> {
        let query = help_page_search(&search.query, &search.lang, MAX_HITS)?;
        let started = Instant::now();
        let hits = self.desk.search(query).await?.hits;
        let took = started.elapsed();
        Ok(AnsweredSearch { found: hits.into_iter().map(|hit| document(Kind::Article, hit.document.id.as_str())).collect(), took })
    }

    /// How often the embeddings endpoint did not answer in time.
    pub fn unanswered(&self) -> u32 {
        self.desk.unanswered_embeddings()
    }

    pub async fn close(self) {
        self.app.store.close().await;
    }
}

/// A document's name in the labels: `a:ID` is an article, `c:ID` a canned answer.
fn document(kind: Kind, id: &str) -> String {
    match kind {
        Kind::Article => format!("a:{id}"),
        Kind::CannedAnswer => format!("c:{id}"),
    }
}
