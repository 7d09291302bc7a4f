//! Log of suggestions, drafts, and their outcomes.

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::{
    ids::Workspace,
    knowledge::{Kind, ReportFilter},
    replies::{
        error::ReplyError,
        learning::{
            offer_id::{self, OfferKind},
            outcome::{AnswerUse, BUILT_IN, BY_MODEL, Drafted, Outcome, Shown},
            outcome_rows,
            sketch::sketch,
        },
        metrics::OfferCounts,
        stream::result::{Engine, Source},
    },
    store::{Store, Writer},
    task::TaskError,
    text::Language,
};

/// Approximate size of a job in the queue, beside its text.
const JOB_BYTES: usize = 2048;

enum Record {
    Suggestions { chat_id: String, shown: Vec<Shown> },
    Draft { chat_id: String, drafted: Drafted },
    Outcome { outcome: Outcome, answer: oneshot::Sender<Result<(), ReplyError>> },
}

struct Job {
    workspace: Workspace,
    at: Timestamp,
    record: Record,
}

/// Records suggestions, drafts and outcomes in order, so that an outcome finds the suggestion made just before it.
#[derive(Clone)]
pub struct OutcomeLog {
    store: Store,
    writer: Writer<Job>,
    counts: OfferCounts,
}

impl OutcomeLog {
    pub fn start(store: Store, counts: OfferCounts) -> OutcomeLog {
        let shared = store.clone();
        let writer = Writer::start(move |batch| {
            let store = shared.clone();
            Box::pin(async move { commit(&store, batch).await })
        });
        OutcomeLog { store, writer, counts }
    }

    /// Returns a new id of a suggestion for the chat of this number, or without a chat.
    pub fn suggestion_id(&self, workspace: &Workspace, chat: Option<i64>, document: (Kind, &str, &str)) -> String {
        offer_id::new(self.store.signer(), OfferKind::Suggestion, workspace, chat, Some(document))
    }

    /// Records suggestions after they were returned.
    pub fn suggested(&self, workspace: &Workspace, chat_id: &str, shown: Vec<Shown>) {
        self.counts.suggested(workspace, !shown.is_empty());
        if !shown.is_empty() {
            self.queue(workspace, Record::Suggestions { chat_id: chat_id.to_owned(), shown });
        }
    }

    /// Records a draft while it is being shown, and returns its id. `chat` is the number of its chat.
    pub fn drafted(
        &self,
        workspace: &Workspace,
        (chat_id, chat): (&str, Option<i64>),
        (text, engine, language): (&str, &Engine, &Language),
        sources: &[Source],
        agent_id: &str,
    ) -> String {
        self.counts.drafted(workspace, engine);
        let ids: Vec<&str> = sources.iter().map(|source| source.id.as_str()).collect();
        let first = sources.first().map(|source| (source.kind, source.id.as_str(), source.language.as_str()));
        let draft_id = offer_id::new(self.store.signer(), OfferKind::Draft, workspace, chat, first);
        let drafted = Drafted {
            draft_id: draft_id.clone(),
            sources: ids.join("\n"),
            first_source: sources.first().map(|source| (source.kind, source.language.clone())),
            sketch: sketch(text),
            agent_id: agent_id.to_owned(),
            engine: match engine {
                Engine::Model(_) => BY_MODEL,
                Engine::BuiltIn => BUILT_IN,
            },
            language: language.to_string(),
        };
        self.queue(workspace, Record::Draft { chat_id: chat_id.to_owned(), drafted });
        draft_id
    }

    /// Records an outcome, and returns once it is durable.
    pub async fn outcome(&self, workspace: &Workspace, outcome: Outcome) -> Result<(), ReplyError> {
        let (answer, answered) = oneshot::channel();
        let bytes = outcome.final_text.len() + JOB_BYTES;
        self.counts.recorded(workspace, &outcome);
        let record = Record::Outcome { outcome, answer };
        self.writer.queue(Job { workspace: workspace.clone(), at: Timestamp::now(), record }, bytes)?;
        answered.await.map_err(|_| TaskError::Panicked("the write of the outcome"))?
    }

    /// A suggestion or draft that can't be recorded is still shown: its outcome records it.
    fn queue(&self, workspace: &Workspace, record: Record) {
        if self.writer.queue(Job { workspace: workspace.clone(), at: Timestamp::now(), record }, JOB_BYTES).is_err() {
            tracing::warn!("suggestion or draft not recorded: the store is busy");
        }
    }

    /// Returns the outcomes of suggestions in a period, most shown first, and how many more documents there are.
    pub async fn answer_use(&self, workspace: &Workspace, asked: &ReportFilter) -> Result<(Vec<AnswerUse>, i64), ReplyError> {
        outcome_rows::answer_use(&self.store, workspace, asked).await
    }

    /// Returns a chat's suggestions, drafts and outcomes, as JSON.
    pub async fn export(&self, workspace: &Workspace, chat_id: &str) -> Result<Value, ReplyError> {
        outcome_rows::export(&self.store, workspace, chat_id).await
    }
}

/// Each job is a write of its own, so that none fails because of another. It is removed once written.
async fn commit(store: &Store, batch: &mut Vec<Job>) {
    while let Some(Job { workspace, at, record }) = batch.first() {
        let name = workspace.as_str();
        let written = match record {
            Record::Suggestions { chat_id, shown } => outcome_rows::write_suggestions(store, name, *at, chat_id, shown).await,
            Record::Draft { chat_id, drafted } => outcome_rows::write_draft(store, name, *at, chat_id, drafted).await,
            Record::Outcome { outcome, .. } => outcome_rows::write_outcome(store, name, *at, outcome).await,
        };
        match (batch.remove(0).record, written) {
            (Record::Outcome { answer, .. }, written) => {
                let _ = answer.send(written);
            }
            (_, Ok(())) => {}
            (_, Err(error)) => tracing::warn!(error = %error, "suggestion or draft not recorded"),
        }
    }
}
