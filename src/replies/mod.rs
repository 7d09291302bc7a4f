//! The agent's actions: drafts, rewrites, suggestions, summaries, and their outcomes; and the erasure of a person. The siblings `chats`,
//! `knowledge` and `model` meet here.

mod approved;
mod check_reply;
mod checks;
mod draft;
mod enrich;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod learning;
mod masking;
mod metrics;
mod placeholder;
mod privacy;
mod prompts;
mod reply_report;
mod reply_report_rows;
mod rewrite;
mod stream;
mod suggest;
mod summary;
mod token_rows;

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Instant,
};

pub use check_reply::{CheckReply, CheckedPromise, ReplyCheck};
pub use checks::{Checked, DraftedFrom, Evidence};
pub use draft::{Draft, Layout, prompt::SourceText};
pub use enrich::Enricher;
pub use error::ReplyError;
pub use learning::on_redaction;
pub use learning::outcome::{AnswerUse, Outcome, OutcomeAction, OutcomeTarget};
pub use masking::Masker;
pub use metrics::OfferCounts;
pub use privacy::{
    erase::{Erased, erase_again},
    erasure_file::FILE as ERASURES_FILE,
    erasures::{ErasureMemoryError, Erasures},
    remembered_erasure_rows::{home as erasure_home, move_home as move_erasure_home},
};
pub use prompts::PromptError;
pub use reply_report::{ChatRatings, OutcomeCounts, ReplyCounts, ReplyReport, ReplyReportFilter};
pub use rewrite::{Correct, Retone, Translate, TranslateWhat, compare::RewriteCheck, meaning::Purpose, tone::Tone};
pub use stream::{
    Generation,
    result::{ContextReceipt, Edit, EditKind, Engine, Finished, Progress, Source, Usage, Warning, WarningKind},
};
pub use suggest::{
    Suggest, Suggestion,
    reason::{Reason, ReasonKind},
};
pub use summary::Summarize;
pub use token_rows::TokenLedger;

use crate::{
    chats::{Chat, ChatError, Chats, NewEvent},
    config::{DeskSettings, Task},
    ids::{Id, Workspace},
    knowledge::{Knowledge, ReportFilter},
    model::{CallContext, Embedder, Models, Spender},
    replies::{
        checks::leaks::Instructions,
        draft::nearness::MessageVectors,
        learning::{Lessons, outcome_log::OutcomeLog},
        masking::found::FoundFacts,
        prompts::Prompts,
        rewrite::correct_without_model::Corrector,
        summary::running::ChatsToSummarize,
    },
    spelling::Dictionaries,
    store::Store,
    text::{Language, lookup},
};

/// The agent who makes a request.
#[derive(Debug, Clone, Default)]
pub struct Agent {
    /// The shop's id of the agent, up to 200 bytes; empty: nobody's own canned answers are offered.
    pub agent_id: String,
    /// The name that customers see, up to 200 bytes: it signs drafts and fills `{{agent.name}}`. Empty if not given.
    pub name: String,
    /// The agent's teams, whose canned answers are offered.
    pub groups: Vec<String>,
    /// The language that the agent reads.
    pub language: Option<Language>,
}

/// The caller of an action: its deadline and its token budget.
#[derive(Debug, Clone)]
pub struct Caller {
    /// When the caller stops waiting.
    pub deadline: Instant,
    /// The key that tokens are charged to, if it has a budget of its own.
    pub key: Option<Spender>,
}

impl Caller {
    /// Returns a caller without a key.
    pub fn until(deadline: Instant) -> Caller {
        Caller { deadline, key: None }
    }
}

/// One workspace's desk: the agents' actions, with its chats, knowledge base, models and settings.
#[derive(Clone)]
pub struct Desk {
    workspace: Workspace,
    store: Store,
    chats: Chats,
    knowledge: Knowledge,
    models: Models,
    embedder: Option<Embedder>,
    /// Documents that wait to be embedded, on the server that does it.
    embeddings_waiting: Arc<AtomicU64>,
    settings: Arc<DeskSettings>,
    outcomes: OutcomeLog,
    corrector: Corrector,
    erasures: Erasures,
    lessons: Lessons,
    prompts: Prompts,
    instructions: Instructions,
    message_vectors: MessageVectors,
    found_facts: Arc<FoundFacts>,
    to_summarize: ChatsToSummarize,
}

/// What all desks of a server share.
#[derive(Clone)]
pub struct Shared {
    store: Store,
    outcomes: OutcomeLog,
    corrector: Corrector,
    erasures: Erasures,
}

impl Shared {
    /// Starts the writer of outcomes, which are counted in `counts`.
    pub fn start(store: Store, erasures: Erasures, dictionaries: Dictionaries, counts: OfferCounts) -> Shared {
        Shared { outcomes: OutcomeLog::start(store.clone(), counts), store, corrector: Corrector::new(dictionaries), erasures }
    }
}

impl Desk {
    /// Reads the workspace's prompts; calls no model yet. `chats` and `knowledge` belong to the same workspace.
    pub fn open(
        shared: &Shared,
        chats: Chats,
        knowledge: Knowledge,
        models: Models,
        embedder: Option<Embedder>,
        settings: DeskSettings,
    ) -> Result<Desk, PromptError> {
        let prompts = Prompts::read(settings.prompts.as_deref())?;
        let Shared { store, outcomes, corrector, erasures } = shared.clone();
        let instructions = Instructions::of(prompts.instructions());
        let (workspace, lessons, settings) = (chats.workspace().clone(), Lessons::default(), Arc::new(settings));
        Ok(Desk {
            workspace,
            store,
            chats,
            knowledge,
            models,
            embedder,
            embeddings_waiting: Arc::default(),
            settings,
            outcomes,
            corrector,
            erasures,
            lessons,
            prompts,
            instructions,
            message_vectors: MessageVectors::default(),
            found_facts: Arc::default(),
            to_summarize: ChatsToSummarize::default(),
        })
    }

    /// Returns the workspace's chats.
    pub fn chats(&self) -> &Chats {
        &self.chats
    }

    /// Returns the workspace's knowledge base.
    pub fn knowledge(&self) -> &Knowledge {
        &self.knowledge
    }

    /// Returns the workspace's settings.
    pub fn settings(&self) -> &DeskSettings {
        &self.settings
    }

    fn call_context(&self, task: Task, caller: &Caller) -> CallContext {
        let own = Spender { name: format!("workspace/{}", self.workspace).into(), limits: self.settings.token_limits };
        CallContext { task, deadline: caller.deadline, spenders: std::iter::once(own).chain(caller.key.clone()).collect() }
    }

    /// Records an outcome, and returns once it is durable.
    pub async fn record_outcome(&self, outcome: Outcome) -> Result<(), ReplyError> {
        self.outcomes.outcome(&self.workspace, outcome).await
    }

    /// Returns the outcomes of suggestions in a period, most shown first, and how many more documents there are.
    pub async fn answer_use(&self, asked: &ReportFilter) -> Result<(Vec<AnswerUse>, i64), ReplyError> {
        self.outcomes.answer_use(&self.workspace, asked).await
    }

    /// Returns what became of what was shown in a period, and how chats were rated in it.
    pub async fn reply_report(&self, asked: &ReplyReportFilter) -> Result<ReplyReport, ReplyError> {
        reply_report_rows::report(&self.store, &self.workspace, asked, self.settings.report_agents).await
    }

    /// Appends the events of a call and meanwhile calls `make` with the chat as it will be with them; returns the result once the events
    /// are durable. If the chat changed otherwise, for example because somebody else wrote to it, `make` is called again.
    async fn with_events<T, F: Future<Output = Result<T, ReplyError>>>(
        &self,
        chat_id: &Id,
        events: &[NewEvent],
        make: impl Fn(Chat) -> F,
    ) -> Result<T, ReplyError> {
        if events.is_empty() {
            return make(self.chats.chat(chat_id).await?).await;
        }
        let make_early = async {
            let chat = self.chats.chat_with(chat_id, events).await?.ok_or_else(|| ChatError::NotFound(chat_id.to_string()))?;
            Ok::<_, ReplyError>((chat.summary.last_sequence, make(chat).await?))
        };
        let (appended, made) = tokio::join!(self.chats.append(chat_id, events.to_vec()), make_early);
        match (appended?.last_sequence, made) {
            (last, Ok((expected, made))) if last == expected => Ok(made),
            _ => make(self.chats.chat(chat_id).await?).await,
        }
    }

    /// Returns the language that a customer is answered in: the reported one, else the detected one, else the workspace's.
    fn customer_language(&self, chat: &Chat) -> Language {
        chat.language(&self.settings.languages).unwrap_or_else(|| self.settings.language.clone())
    }

    /// Returns the workspace's variant of a language, if it has one.
    fn ours(&self, language: &Language) -> Language {
        lookup(language, self.settings.languages.iter()).unwrap_or(language).clone()
    }
}
