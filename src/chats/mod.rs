//! The context per chat: an append-only log of events, the state folded from it, and what is chosen of it for a prompt.

mod append;
mod archive;
mod archive_rows;
#[cfg(test)]
mod archive_tests;
mod chat_rows;
mod context;
mod error;
mod event;
mod event_rows;
mod fold;
mod former;
mod internal;
mod person;
mod teaching;
mod transcript;
mod word_rows;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::{
    config::Workspace,
    failpoint::failpoint,
    store::{Store, Writer},
    task::{self, TaskError},
    text::{Id, Language},
};

pub use append::{Appended, LogCounts};
pub use archive::{ChatPage, ListChats};
pub use archive_rows::Filter;
pub use context::{ChatLine, Choice, ChosenContext, ClassReceipt, EarlierChat, Omission, OmissionReason, choose};
pub use error::ChatError;
pub use event::{
    Attachment, Author, Channel, Customer, Event, EventBody, Form, Message, NewEvent, Note, Opened, PageView, Rating, Record, Ticket,
    Transfer,
};

pub use fold::{Chat, Status, Summary, Turn};
pub use former::FormerCustomer;
pub use internal::Internal;
pub use person::ErasedChats;
pub use teaching::Teaching;
pub use transcript::{Transcript, TranscriptFormat, TranscriptOptions, is_time_zone};

use append::{Append, Prepared};
use chat_rows::{ChatKey, Related};

/// Most other chats that belong to a chat's context.
pub const MOST_EARLIER_CHATS: usize = 50;
/// Of the other chats, at most so many events are read in all, and of each at most so many of its last.
const MOST_EARLIER_EVENTS: i64 = 3000;
const MOST_EVENTS_EACH: i64 = 500;
/// Most events of one chat, and most bytes of them; no more are appended.
const MOST_EVENTS: i64 = 100_000;
const MOST_BYTES: i64 = 64 << 20;
/// A call of more events is prepared off the threads that serve.
const MANY_EVENTS: usize = 16;

/// The languages that messages are read as being in where nobody told, by workspace.
pub type Languages = HashMap<Workspace, Vec<Language>>;

/// Every chat of every workspace.
#[derive(Clone)]
pub struct Chats {
    store: Store,
    writer: Writer<Append>,
    languages: Arc<Languages>,
    counts: Arc<LogCounts>,
}

impl Chats {
    /// Starts the writer of the log. Messages whose language nobody told are read as being in one of the workspace's `languages`.
    pub fn start(store: Store, languages: Languages) -> Chats {
        let (languages, counts) = (Arc::new(languages), Arc::new(LogCounts::default()));
        let shared = Arc::new((store.clone(), Arc::clone(&languages), Arc::clone(&counts)));
        let writer = Writer::start(move |batch| {
            let shared = Arc::clone(&shared);
            Box::pin(async move {
                let (store, languages, counts) = &*shared;
                append::commit(store, counts, languages, batch).await;
            })
        });
        Chats { store, writer, languages, counts }
    }

    /// Appends events to a chat, all or none, and answers once they are durable. The write goes on when the caller leaves.
    pub async fn append(&self, workspace: &Workspace, chat_id: &Id, events: Vec<NewEvent>) -> Result<Appended, ChatError> {
        let (languages, workspace_of) = (Arc::clone(&self.languages), workspace.clone());
        let many = events.len() > MANY_EVENTS;
        failpoint("append", chat_id.as_str());
        let prepared_chat = chat_id.clone();
        let prepare = move || {
            failpoint("prepare", prepared_chat.as_str());
            events
                .into_iter()
                .map(|event| Prepared::new(event, of_workspace(&languages, workspace_of.as_str())))
                .collect::<Result<Vec<_>, _>>()
        };
        let events = if many { task::blocking("reading the events", prepare).await?? } else { prepare()? };
        let bytes = events.iter().map(Prepared::bytes).sum();
        let (answer, answered) = oneshot::channel();
        self.writer.queue(Append { key: key(workspace, chat_id.as_str()), events, answer }, bytes)?;
        answered.await.map_err(|_| TaskError::Panicked("the write of the events"))?
    }

    /// What the log has done since the start.
    pub fn counts(&self) -> &LogCounts {
        &self.counts
    }

    /// Reads a chat, folded.
    pub async fn chat(&self, workspace: &Workspace, chat_id: &Id) -> Result<Chat, ChatError> {
        Ok(self.chat_and_events(workspace, chat_id).await?.0)
    }

    /// Reads a chat as it will be once these events are appended. A redaction is not foreseen: the chat that is read then lacks it, and so
    /// does its last sequence.
    pub async fn chat_with(&self, workspace: &Workspace, chat_id: &Id, new: &[NewEvent]) -> Result<Chat, ChatError> {
        let mut events = event_rows::of_chat(&self.store, &key(workspace, chat_id.as_str())).await?;
        let mut known: HashSet<Id> = events.iter().map(|event| event.event_id.clone()).collect();
        for NewEvent { event_id, at, body } in new {
            if !matches!(body, EventBody::Redaction { .. }) && known.insert(event_id.clone()) {
                let sequence = events.last().map_or(0, |last| last.sequence) + 1;
                let at = at.unwrap_or_else(Timestamp::now);
                events.push(Event { event_id: event_id.clone(), at, sequence, redacted: false, body: body.clone() });
            }
        }
        Ok(Chat::fold(chat_id.as_str(), &events))
    }

    /// Reads a chat, folded, and all the events that it is the fold of, in the order of their sequence.
    pub async fn chat_and_events(&self, workspace: &Workspace, chat_id: &Id) -> Result<(Chat, Vec<Event>), ChatError> {
        let events = event_rows::of_chat(&self.store, &key(workspace, chat_id.as_str())).await?;
        if events.is_empty() {
            return Err(ChatError::NotFound(chat_id.to_string()));
        }
        Ok((Chat::fold(chat_id.as_str(), &events), events))
    }

    /// Whether the customer wrote after a sequence.
    pub async fn wrote_after(&self, workspace: &Workspace, chat_id: &Id, sequence: i64) -> Result<bool, ChatError> {
        let events = event_rows::after(&self.store, &key(workspace, chat_id.as_str()), sequence).await?;
        let by_customer = |event: &Event| matches!(&event.body, EventBody::Message(message) if message.author == Author::Customer);
        Ok(events.iter().any(by_customer))
    }

    /// The ids of the chats that belong to a chat's context, newest opened first: the customer's others on whatever channel, and those
    /// that the chat became or came from as a ticket.
    pub async fn earlier_chat_ids(&self, workspace: &Workspace, chat: &Chat) -> Result<Vec<String>, ChatError> {
        Ok(self.related(workspace, chat).await?.0.into_iter().map(|related| related.chat_id).collect())
    }

    /// Reads the chats that belong to a chat's context, newest opened first, within a bound, and tells how many there are.
    pub async fn earlier_chats(&self, workspace: &Workspace, chat: &Chat) -> Result<(Vec<EarlierChat>, usize), ChatError> {
        let (related, total) = self.related(workspace, chat).await?;
        let mut asked = Vec::new();
        let mut left = MOST_EARLIER_EVENTS;
        for chat in &related {
            let after = (chat.summary.last_sequence - MOST_EVENTS_EACH).max(0);
            let events = chat.summary.last_sequence - after;
            if events <= left {
                left -= events;
                asked.push((chat.number, after));
            }
        }
        let mut read = event_rows::of_chats(&self.store, &asked).await?;
        let mut earlier = Vec::new();
        for Related { number, chat_id, summary } in related {
            if let Some(events) = read.remove(&number) {
                // Of a long chat only the end was read; what it was about is kept with it.
                let whole = asked.contains(&(number, 0));
                earlier.push(EarlierChat(if whole { Chat::fold(&chat_id, &events) } else { Chat::fold_end(&chat_id, &events, summary) }));
            }
        }
        Ok((earlier, total))
    }

    async fn related(&self, workspace: &Workspace, chat: &Chat) -> Result<(Vec<Related>, usize), ChatError> {
        chat_rows::related(&self.store, &key(workspace, &chat.chat_id), &chat.summary, MOST_EARLIER_CHATS).await
    }
}

fn of_workspace<'a>(languages: &'a Languages, workspace: &str) -> &'a [Language] {
    languages.get(workspace).map_or(&[], Vec::as_slice)
}

fn key(workspace: &Workspace, chat_id: &str) -> ChatKey {
    ChatKey { workspace: workspace.as_str().to_owned(), chat_id: chat_id.to_owned() }
}
