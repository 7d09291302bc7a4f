//! What an agent clicks: drafts, rewrites, suggestions, summaries; what became of them; and the erasure of a person. Here the three
//! siblings `chats`, `knowledge` and `model` meet.

mod approved;
mod checks;
mod draft;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod learning;
mod masking;
mod placeholder;
mod privacy;
mod prompts;
mod rewrite;
mod stream;
mod suggest;
mod summary;

use crate::ids::Workspace;
use std::{sync::Arc, time::Instant};

use jiff::Timestamp;

pub use checks::{Checked, DraftedFrom, Grounds};
pub use draft::{Draft, Layout, prompt::SourceText};
pub use error::ReplyError;
pub use learning::outcome_rows::{AnswerUse, Outcome, OutcomeAction, OutcomeTarget};
pub use privacy::{
    erase::{Erased, erase_again},
    erasure_file::{Erasures, FILE as ERASURES_FILE},
};
pub use prompts::PromptError;
pub use rewrite::{Correct, Retone, Tone, Translate, TranslateWhat};
pub use stream::{
    Generation,
    result::{ContextReceipt, Edit, EditKind, Engine, Finished, Progress, Source, Usage, Warning, WarningKind},
};
pub use suggest::{Suggest, Suggestion};
pub use summary::Summarize;

use crate::{
    chats::{Author, Chat, ChatError, Chats, NewEvent},
    config::{Desk, Task},
    ids::Id,
    knowledge::Knowledge,
    model::{CallContext, Embedder, Models, Spender},
    replies::{
        learning::{Lessons, outcome_rows::OutcomeLog},
        prompts::Prompts,
        rewrite::correct_without_model::Corrector,
    },
    store::Store,
    text::{Language, detect, lookup},
};

/// Who clicks.
#[derive(Debug, Clone, Default)]
pub struct Agent {
    pub agent_id: String,
    pub name: String,
    pub groups: Vec<String>,
    pub language: Option<Language>,
}

/// On whose time and budget something is done.
#[derive(Debug, Clone)]
pub struct Caller {
    /// When the caller's patience ends.
    pub deadline: Instant,
    /// The key whose tokens models cost, if it has a budget of its own.
    pub key: Option<Spender>,
}

impl Caller {
    /// A caller without a key.
    pub fn until(deadline: Instant) -> Caller {
        Caller { deadline, key: None }
    }
}

/// What makes replies, as one workspace has them made.
#[derive(Clone)]
pub struct Replies {
    store: Store,
    chats: Chats,
    knowledge: Knowledge,
    models: Models,
    embedder: Option<Embedder>,
    desk: Arc<Desk>,
    offers: OutcomeLog,
    corrector: Corrector,
    erasures: Erasures,
    lessons: Lessons,
    prompts: Prompts,
}

impl Replies {
    /// Reads the prompts; nothing is asked yet.
    pub fn start(
        store: Store,
        chats: Chats,
        knowledge: Knowledge,
        models: Models,
        embedder: Option<Embedder>,
        desk: Arc<Desk>,
        erasures: Erasures,
    ) -> Result<Replies, PromptError> {
        let prompts = Prompts::read(desk.prompts.as_deref())?;
        let offers = OutcomeLog::start(store.clone());
        let (corrector, lessons) = (Corrector::default(), Lessons::default());
        Ok(Replies { store, chats, knowledge, models, embedder, desk, offers, corrector, erasures, lessons, prompts })
    }

    /// The same for another workspace: what is its own is given, the rest is shared.
    pub fn for_workspace(&self, models: Models, embedder: Option<Embedder>, desk: Arc<Desk>) -> Result<Replies, PromptError> {
        let prompts = Prompts::read(desk.prompts.as_deref())?;
        Ok(Replies { models, embedder, desk, prompts, ..self.clone() })
    }

    /// How the workspace works.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    fn asking(&self, workspace: &Workspace, task: Task, caller: &Caller) -> CallContext {
        let own = Spender { name: format!("workspace/{workspace}").into(), limits: self.desk.token_limits };
        CallContext { task, deadline: caller.deadline, spenders: std::iter::once(own).chain(caller.key.clone()).collect() }
    }

    /// Writes an outcome down, and answers once it is durable.
    pub async fn record_outcome(&self, workspace: &Workspace, outcome: Outcome) -> Result<(), ReplyError> {
        self.offers.outcome(workspace, outcome).await
    }

    /// What became of suggestions in a span of time.
    pub async fn answer_use(&self, workspace: &Workspace, start: Timestamp, end: Timestamp) -> Result<Vec<AnswerUse>, ReplyError> {
        self.offers.answer_use(workspace, start, end).await
    }

    /// Appends the events that came with a call; meanwhile `make` makes something of the chat as it will be with them, which is given out
    /// once they are durable. Where the chat became another, such as when somebody else wrote to it, it is made anew.
    async fn with_events<T, F: Future<Output = Result<T, ReplyError>>>(
        &self,
        workspace: &Workspace,
        chat_id: &Id,
        events: &[NewEvent],
        make: impl Fn(Chat) -> F,
    ) -> Result<T, ReplyError> {
        if events.is_empty() {
            return make(self.chats.chat(workspace, chat_id).await?).await;
        }
        let made_early = async {
            let chat = self.chats.chat_with(workspace, chat_id, events).await?.ok_or_else(|| ChatError::NotFound(chat_id.to_string()))?;
            Ok::<_, ReplyError>((chat.summary.last_sequence, make(chat).await?))
        };
        let (appended, made) = tokio::join!(self.chats.append(workspace, chat_id, events.to_vec()), made_early);
        match (appended?.last_sequence, made) {
            (last, Ok((expected, made))) if last == expected => Ok(made),
            _ => make(self.chats.chat(workspace, chat_id).await?).await,
        }
    }

    /// The language a customer is answered in: what was told, else what they write, else the workspace's.
    fn customer_language(&self, chat: &Chat) -> Language {
        if let Some(language) = chat.told_language() {
            return self.ours(language);
        }
        let written: Vec<&str> = chat
            .turns_with_customer()
            .iter()
            .rev()
            .filter(|turn| turn.message.author == Author::Customer)
            .map(|turn| turn.message.text.as_str())
            .take(10)
            .collect();
        detect(&written.join("\n"), &self.desk.languages).unwrap_or_else(|| self.desk.language.clone())
    }

    /// The workspace's own form of a language, if it speaks it.
    fn ours(&self, language: &Language) -> Language {
        lookup(language, self.desk.languages.iter()).unwrap_or(language).clone()
    }
}
