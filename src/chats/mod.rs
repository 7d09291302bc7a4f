//! The context of a chat: an append-only event log, the state folded from it, and the choice of context for a prompt.

mod append;
mod archive;
mod archive_rows;
#[cfg(test)]
mod archive_tests;
mod change_rows;
mod chat_rows;
mod code_rows;
mod codes;
mod context;
mod error;
mod event;
mod event_page_rows;
mod event_rows;
mod fold;
mod former_customer;
mod internal;
mod language;
mod learning_rows;
mod mail;
pub mod metrics;
mod newly_said;
mod numbers;
mod person;
mod prepared;
mod promise_fold;
mod promise_list;
mod promise_rows;
mod running_summary_rows;
mod said;
mod stored_promise;
mod transcript;
mod watch;
mod word_rows;
mod workers;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use jiff::Timestamp;
use prometheus_client::metrics::histogram::Histogram;
use tokio::{sync::oneshot, time::sleep};
use tokio_util::task::AbortOnDropHandle;

pub use append::{Appended, LogCounts};
pub use archive::{ChatPage, ListChats};
pub use archive_rows::Filter;
pub use codes::{CodeKind, codes};
pub use context::durable;
pub use context::{ChatLine, Choice, ChosenContext, ChosenRecord, ClassReceipt, EarlierChat, Omission, OmissionReason, choose};
pub use error::ChatError;
pub use event::{
    Attachment, Author, Channel, Customer, Event, EventBody, Form, Message, NewEvent, Note, Opened, PageView, Rating, Record, Ticket,
    Transfer,
};
pub use fold::{BesideMessages, Chat, Status, Summary, Turn};
pub use former_customer::FormerCustomer;
pub use internal::Internal;
pub use learning_rows::Teaching;
pub use mail::Aside;
pub use person::ErasedChats;
pub use promise_list::{ListPromises, PromisePage};
pub use promise_rows::{ListedPromise, PromiseFilter, PromiseStatus};
pub use running_summary_rows::RunningSummary;
pub use stored_promise::end_of_day;
pub use transcript::{Transcript, TranscriptFormat, TranscriptOptions, is_time_zone};
pub use watch::{ChatChange, Resume, Told, Watch, Watched};
pub use workers::Workers;

use crate::{
    chats::{
        append::{Append, AppendContext},
        chat_rows::{ChatKey, Related},
        event_page_rows::Recent,
        numbers::Numbers,
        prepared::Prepared,
        watch::Feeds,
        word_rows::Frequencies,
    },
    failpoint::failpoint,
    ids::{Id, Workspace},
    store::{Store, StoreError, Write, Writer},
    task::{self, TaskError},
    text::Language,
};

/// Most other chats that belong to a chat's context.
const MAX_EARLIER_CHATS: usize = 50;
/// Most events read of the other chats in all, and of each (its last ones).
const MAX_EARLIER_EVENTS: i64 = 3000;
const MAX_EVENTS_EACH: i64 = 500;
/// Most events of one chat, and most bytes of them; further appends are rejected.
const MAX_EVENTS: i64 = 100_000;
const MAX_BYTES: i64 = 64 << 20;
/// A call with more events, or more bytes of text, is prepared off the serving threads.
const MANY_EVENTS: usize = 16;
const MANY_BYTES: usize = 4 << 10;
/// Bytes of a chat that are read for a prompt, the oldest messages beyond them are not: a number per token of its budget, some sixteen
/// times what the budget holds, within these bounds. The last is for reads of a chat's state only.
const READ_BYTES_PER_TOKEN: usize = 64;
const MIN_READ_BYTES: usize = 256 << 10;
const MAX_READ_BYTES: usize = 2 << 20;
const MAX_STATE_BYTES: usize = 256 << 10;
/// The same limit for each of the other chats, and for all of them.
const MAX_EARLIER_BYTES_EACH: usize = 256 << 10;
const MAX_EARLIER_BYTES: usize = 2 << 20;
/// Bytes of events that are folded off the threads that serve.
const MANY_FOLDED_BYTES: usize = 64 << 10;
/// How often a server looks for words that one of the version before wrote.
const TAKE_OVER_INTERVAL: Duration = Duration::from_secs(60);

/// The languages that messages without a reported language may be in, by workspace.
pub type Languages = HashMap<Workspace, Vec<Language>>;

/// A redacted message.
#[derive(Debug, Clone, Copy)]
pub struct Redacted<'a> {
    /// The name of the chat's workspace.
    pub workspace: &'a str,
    /// The chat's id within its workspace.
    pub chat_id: &'a str,
    /// Its former text.
    pub text: &'a str,
}

/// A hook called inside the write that redacts a message, before its commit: whoever keeps a copy of the text, or something derived from
/// it, deletes it there.
pub type OnRedaction = for<'a> fn(&'a mut Write, Redacted<'a>) -> BoxFuture<'a, Result<(), StoreError>>;

/// The log of every workspace's chats.
#[derive(Clone)]
pub struct ChatLog {
    store: Store,
    writer: Writer<Append>,
    languages: Arc<Languages>,
    counts: Arc<LogCounts>,
    commit_times: Histogram,
    workers: Workers,
    frequencies: Frequencies,
    feeds: Arc<Feeds>,
    numbers: Numbers,
}

/// The chats of one workspace.
#[derive(Clone)]
pub struct Chats {
    log: ChatLog,
    workspace: Workspace,
    max_read_bytes: usize,
}

impl ChatLog {
    /// Starts the writer of the log. Messages without a reported language are assumed to be in one of the workspace's `languages`.
    pub fn start(store: Store, languages: Languages, on_redaction: OnRedaction) -> ChatLog {
        let (languages, counts) = (Arc::new(languages), Arc::new(LogCounts::default()));
        let (of_writer, of_languages) = (Arc::clone(&counts), Arc::clone(&languages));
        let feeds = Arc::new(Feeds::new(store.clone()));
        let context =
            AppendContext { store: store.clone(), counts: of_writer, languages: of_languages, on_redaction, feeds: Arc::clone(&feeds) };
        let context = Arc::new(context);
        let commit_times = metrics::commit_times();
        let times = commit_times.clone();
        let writer = Writer::start(move |batch| {
            let (context, times, started) = (Arc::clone(&context), times.clone(), Instant::now());
            Box::pin(async move {
                append::commit(&context, batch).await;
                times.observe(started.elapsed().as_secs_f64());
            })
        });
        ChatLog {
            store,
            writer,
            languages,
            counts,
            commit_times,
            workers: Workers::start(),
            frequencies: Frequencies::default(),
            feeds,
            numbers: Numbers::default(),
        }
    }

    /// Returns the chats of a workspace.
    pub fn of(&self, workspace: &Workspace) -> Chats {
        Chats { log: self.clone(), workspace: workspace.clone(), max_read_bytes: MAX_READ_BYTES }
    }

    /// Returns the log's counters since the start.
    pub fn counts(&self) -> &LogCounts {
        &self.counts
    }

    /// Takes over what a version before kept of the archive's words, so that chats are found by them. Returns of how many chats.
    pub async fn take_over_words(&self) -> Result<u64, ChatError> {
        let chats = word_rows::take_over(&self.store).await?;
        if chats > 0 {
            tracing::info!(chats, "took over the words of the archive");
            drop(self.store.wipe());
        }
        Ok(chats)
    }

    /// Starts to do so while servers of that version may still run beside this one. Stops when the handle is dropped.
    pub fn keep_taking_over_words(&self) -> AbortOnDropHandle<()> {
        let log = self.clone();
        task::supervised("taking over words", move || {
            let log = log.clone();
            let leadership = log.store.leadership("words of the archive");
            leadership.while_leading(move || log.clone().take_over_words_for_good())
        })
    }

    async fn take_over_words_for_good(self) {
        loop {
            sleep(TAKE_OVER_INTERVAL).await;
            if let Err(error) = self.take_over_words().await {
                tracing::warn!(error = %error, "taking over the words of the archive failed; retrying");
            }
        }
    }

    /// Returns every customer that a chat names, by workspace.
    pub async fn customers(&self) -> Result<Vec<(Workspace, String)>, ChatError> {
        chat_rows::customers(&self.store).await
    }
}

impl Chats {
    /// Limits how much of a chat is read for a prompt to many times what a budget of so many tokens holds.
    pub fn for_prompts_of(self, context_tokens: usize) -> Chats {
        let max_read_bytes = context_tokens.saturating_mul(READ_BYTES_PER_TOKEN).clamp(MIN_READ_BYTES, MAX_READ_BYTES);
        Chats { max_read_bytes, ..self }
    }

    /// Returns the workspace of these chats.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Appends events to a chat, all or none, and returns once they are durable. The write continues if the caller hangs up.
    pub async fn append(&self, chat_id: &Id, events: Vec<NewEvent>) -> Result<Appended, ChatError> {
        let (languages, workspace_of) = (Arc::clone(&self.log.languages), self.workspace.clone());
        let language = self.language_of_rated(chat_id, &events, of_workspace(&languages, self.workspace.as_str())).await?;
        let bytes_of_text = events.iter().map(|event| event.body.text_bytes()).sum::<usize>();
        let many = events.len() > MANY_EVENTS || bytes_of_text > MANY_BYTES;
        failpoint("append", chat_id.as_str());
        let prepared_chat = chat_id.clone();
        let prepare = move || {
            failpoint("prepare", prepared_chat.as_str());
            events
                .into_iter()
                .map(|event| Prepared::new(event, workspace_of.as_str(), of_workspace(&languages, workspace_of.as_str())))
                .collect::<Result<Vec<_>, _>>()
        };
        let events = if many { self.log.workers.work_on(bytes_of_text, prepare).await? } else { prepare()? };
        let bytes = events.iter().map(Prepared::bytes).sum();
        let (answer, answered) = oneshot::channel();
        self.log.writer.queue(Append { key: self.key(chat_id.as_str()), events, language, answer }, bytes)?;
        answered.await.map_err(|_| TaskError::Panicked("the write of the events"))?
    }

    /// Returns the workers for tasks whose cost grows with their input.
    pub fn workers(&self) -> &Workers {
        &self.log.workers
    }

    /// Reads and folds a chat. If it is longer than any prompt, its oldest messages are only counted.
    pub async fn chat(&self, chat_id: &Id) -> Result<Chat, ChatError> {
        self.chat_with(chat_id, &[]).await?.ok_or_else(|| ChatError::NotFound(chat_id.to_string()))
    }

    /// Reads a chat as it will be once these events are appended; `None` if it has no events. Redactions are not applied in advance: the
    /// chat returned then lacks them, and so does its last sequence.
    pub async fn chat_with(&self, chat_id: &Id, new: &[NewEvent]) -> Result<Option<Chat>, ChatError> {
        let (_, Recent { mut events, unread }) = self.recent(chat_id.as_str(), self.max_read_bytes).await?;
        let mut known: HashSet<Id> =
            if new.is_empty() { HashSet::new() } else { events.iter().map(|event| event.event_id.clone()).collect() };
        let before = events.len();
        for NewEvent { event_id, at, body } in new {
            if !matches!(body, EventBody::Redaction { .. }) && known.insert(event_id.clone()) {
                let sequence = events.last().map_or(0, |last| last.sequence) + 1;
                let at = at.unwrap_or_else(Timestamp::now);
                events.push(Event { event_id: event_id.clone(), at, sequence, redacted: false, body: body.clone() });
            }
        }
        if events.is_empty() {
            return Ok(None);
        }
        let mut summary = None;
        if unread.is_some() {
            summary = chat_rows::summary(&self.log.store, &self.key(chat_id.as_str())).await?;
            if let Some(summary) = &mut summary {
                events[before..].iter().for_each(|event| summary.apply(event));
            }
        }
        Ok(Some(self.folded(chat_id, events, unread.zip(summary)).await))
    }

    /// Folds events; for a partly read chat, with the summary of the rest.
    async fn folded(&self, chat_id: &Id, events: Vec<Event>, rest: Option<(usize, Summary)>) -> Chat {
        let bytes = events.iter().map(|event| event.body.text_bytes()).sum::<usize>();
        let chat_id = chat_id.to_string();
        let fold = move || match rest {
            None => Chat::folded(&chat_id, events),
            Some((unread, summary)) => Chat { unread, ..Chat::fold_with(&chat_id, events, summary) },
        };
        if bytes > MANY_FOLDED_BYTES { self.log.workers.work_on(bytes, fold).await } else { fold() }
    }

    /// Reads a chat, and the events that it was folded from, in order of their sequence.
    pub async fn chat_and_events(&self, chat_id: &Id) -> Result<(Chat, Vec<Event>), ChatError> {
        let (_, Recent { events, unread }) = self.recent(chat_id.as_str(), self.max_read_bytes).await?;
        if events.is_empty() {
            return Err(ChatError::NotFound(chat_id.to_string()));
        }
        let summary = if unread.is_some() { chat_rows::summary(&self.log.store, &self.key(chat_id.as_str())).await? } else { None };
        Ok((self.folded(chat_id, events.clone(), unread.zip(summary)).await, events))
    }

    /// Reads a chat's state, which may lack messages, and its events after a sequence, at most a page.
    pub async fn state_and_events(&self, chat_id: &Id, sequence: i64) -> Result<(Chat, Vec<Event>), ChatError> {
        let (number, Recent { events, unread }) = self.recent(chat_id.as_str(), MAX_STATE_BYTES).await?;
        if events.is_empty() {
            return Err(ChatError::NotFound(chat_id.to_string()));
        }
        let (summary, page) = if unread.is_some() {
            (
                chat_rows::summary(&self.log.store, &self.key(chat_id.as_str())).await?,
                event_page_rows::after(&self.log.store, number, sequence, event_page_rows::PAGE_BYTES).await?,
            )
        } else {
            (None, events.iter().filter(|event| event.sequence > sequence).cloned().collect())
        };
        Ok((self.folded(chat_id, events, unread.zip(summary)).await, page))
    }

    /// Returns the ids of the chats that belong to a chat's context, newest opened first: the customer's other chats on any channel, and
    /// those that the chat became or came from as a ticket.
    pub async fn earlier_chat_ids(&self, chat: &Chat) -> Result<Vec<String>, ChatError> {
        Ok(self.related(chat).await?.0.into_iter().map(|related| related.chat_id).collect())
    }

    /// Reads the chats that belong to a chat's context, newest opened first, within a limit, and returns how many there are.
    pub async fn earlier_chats(&self, chat: &Chat) -> Result<(Vec<EarlierChat>, usize), ChatError> {
        let (related, total) = self.related(chat).await?;
        let mut to_read = Vec::new();
        let (mut events_left, mut bytes_left) = (MAX_EARLIER_EVENTS, MAX_EARLIER_BYTES);
        // Long chats are read one by one, from their end.
        let mut long: HashMap<i64, Vec<Event>> = HashMap::new();
        for Related { number, summary, .. } in &related {
            let after = (summary.last_sequence - MAX_EVENTS_EACH).max(0);
            let events = summary.last_sequence - after;
            // The size of a chat's end is unknown for chats that are not read whole, and for old rows.
            let known = after == 0 && summary.bytes > 0;
            let bytes = usize::try_from(summary.bytes).unwrap_or(0);
            if known && bytes <= MAX_EARLIER_BYTES_EACH {
                if events <= events_left && bytes <= bytes_left {
                    (events_left, bytes_left) = (events_left - events, bytes_left - bytes);
                    to_read.push((*number, after));
                }
            } else if bytes_left >= MAX_EARLIER_BYTES_EACH {
                let read = event_page_rows::recent(&self.log.store, *number, MAX_EARLIER_BYTES_EACH).await?;
                bytes_left -= read.events.iter().map(|event| event.body.text_bytes()).sum::<usize>().min(bytes_left);
                let latest = read.events.len().saturating_sub(MAX_EVENTS_EACH as usize);
                long.insert(*number, read.events.into_iter().skip(latest).collect());
            }
        }
        let mut read = event_page_rows::of_chats(&self.log.store, &to_read).await?;
        let mut earlier = Vec::new();
        for Related { number, chat_id, summary } in related {
            if let Some(events) = read.remove(&number).or_else(|| long.remove(&number)) {
                // Of a long chat only the end was read; its summary has the rest.
                let whole = to_read.contains(&(number, 0));
                let chat = if whole { Chat::folded(&chat_id, events) } else { Chat::fold_end(&chat_id, events, summary) };
                earlier.push(EarlierChat(chat));
            }
        }
        Ok((earlier, total))
    }

    fn key(&self, chat_id: &str) -> ChatKey {
        ChatKey { workspace: self.workspace.as_str().to_owned(), chat_id: chat_id.to_owned() }
    }

    async fn related(&self, chat: &Chat) -> Result<(Vec<Related>, usize), ChatError> {
        chat_rows::related(&self.log.store, &self.key(&chat.chat_id), &chat.summary, MAX_EARLIER_CHATS).await
    }
}

fn of_workspace<'a>(languages: &'a Languages, workspace: &str) -> &'a [Language] {
    languages.get(workspace).map_or(&[], Vec::as_slice)
}
