//! What was shown to an agent, and what became of it: suggestions, drafts, outcomes.

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::{
    ids::Workspace,
    replies::{
        error::ReplyError,
        learning::{
            outcome::{AnswerUse, Outcome, Shown},
            outcome_rows,
        },
        stream::result::Source,
    },
    store::{Store, Writer},
    task::TaskError,
};

/// About how much of the queue a job takes beside its text.
const JOB_BYTES: usize = 2048;

enum Record {
    Suggestions { chat_id: String, shown: Vec<Shown> },
    Draft { chat_id: String, draft_id: String, sources: String },
    Outcome { outcome: Outcome, answer: oneshot::Sender<Result<(), ReplyError>> },
}

struct Job {
    workspace: Workspace,
    at: Timestamp,
    record: Record,
}

/// Writes down what was offered, in order, so that an outcome finds the offer made just before it.
#[derive(Clone)]
pub struct OutcomeLog {
    store: Store,
    writer: Writer<Job>,
}

impl OutcomeLog {
    pub fn start(store: Store) -> OutcomeLog {
        let shared = store.clone();
        let writer = Writer::start(move |batch| {
            let store = shared.clone();
            Box::pin(async move { commit(&store, batch).await })
        });
        OutcomeLog { store, writer }
    }

    /// Writes suggestions down after they have been answered with.
    pub fn suggested(&self, workspace: &Workspace, chat_id: &str, shown: Vec<Shown>) {
        if !shown.is_empty() {
            self.queue(workspace, Record::Suggestions { chat_id: chat_id.to_owned(), shown });
        }
    }

    /// Writes a draft down while it is being shown.
    pub fn drafted(&self, workspace: &Workspace, chat_id: &str, draft_id: &str, sources: &[Source]) {
        let sources: Vec<&str> = sources.iter().map(|source| source.id.as_str()).collect();
        self.queue(workspace, Record::Draft { chat_id: chat_id.to_owned(), draft_id: draft_id.to_owned(), sources: sources.join("\n") });
    }

    /// Writes an outcome down, and answers once it is durable.
    pub async fn outcome(&self, workspace: &Workspace, outcome: Outcome) -> Result<(), ReplyError> {
        let (answer, answered) = oneshot::channel();
        let bytes = outcome.final_text.len() + JOB_BYTES;
        let record = Record::Outcome { outcome, answer };
        self.writer.queue(Job { workspace: workspace.clone(), at: Timestamp::now(), record }, bytes)?;
        answered.await.map_err(|_| TaskError::Panicked("the write of the outcome"))?
    }

    /// An offer that can't be written down was made all the same: its outcome will not be taken.
    fn queue(&self, workspace: &Workspace, record: Record) {
        if self.writer.queue(Job { workspace: workspace.clone(), at: Timestamp::now(), record }, JOB_BYTES).is_err() {
            tracing::warn!("an offer was not written down: the store is busy");
        }
    }

    /// What became of suggestions from `start` until before `end`, most shown first.
    pub async fn answer_use(&self, workspace: &Workspace, start: Timestamp, end: Timestamp) -> Result<Vec<AnswerUse>, ReplyError> {
        outcome_rows::answer_use(&self.store, workspace, start, end).await
    }

    /// What was offered in a chat, and what became of it, as JSON.
    pub async fn export(&self, workspace: &Workspace, chat_id: &str) -> Result<Value, ReplyError> {
        outcome_rows::export(&self.store, workspace, chat_id).await
    }
}

/// Each job is a write of its own: none fails for another. It is taken out once it is written.
async fn commit(store: &Store, batch: &mut Vec<Job>) {
    while let Some(Job { workspace, at, record }) = batch.first() {
        let name = workspace.as_str();
        let written = match record {
            Record::Suggestions { chat_id, shown } => outcome_rows::write_suggestions(store, name, *at, chat_id, shown).await,
            Record::Draft { chat_id, draft_id, sources } => outcome_rows::write_draft(store, name, *at, chat_id, draft_id, sources).await,
            Record::Outcome { outcome, .. } => outcome_rows::write_outcome(store, name, *at, outcome).await,
        };
        match (batch.remove(0).record, written) {
            (Record::Outcome { answer, .. }, written) => {
                let _ = answer.send(written);
            }
            (_, Ok(())) => {}
            (_, Err(error)) => tracing::warn!(error = %error, "an offer was not written down"),
        }
    }
}
