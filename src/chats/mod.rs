//! The context per chat: an append-only log of events, the state folded from it, and what is chosen of it for a prompt.

mod append;
mod archive;
mod archive_rows;
mod context;
mod error;
mod event;
mod event_rows;
mod fold;
mod person;
mod transcript;

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::{
    config::Workspace,
    store::{Store, StoreError, Writer},
    text::Id,
};

pub use append::Appended;
pub use archive::{ChatPage, ListChats};
pub use archive_rows::Filter;
pub use context::{ChatLine, ChosenContext, ClassReceipt, EarlierChat, Omission, OmissionReason, choose};
pub use error::ChatError;
pub use event::{
    Attachment, Author, Channel, Customer, Event, EventBody, Form, Message, NewEvent, Note, Opened, PageView, Rating, Record, Ticket,
    Transfer,
};

pub use fold::{Chat, Status, Summary, Turn};
pub use person::ErasedChats;
pub use transcript::{Transcript, TranscriptFormat, TranscriptOptions, is_time_zone};

use append::Append;
use event_rows::ChatKey;

/// Most other chats of a customer that belong to a chat's context.
pub const MOST_EARLIER_CHATS: usize = 50;
/// Most events of one chat; no more are appended.
const MOST_EVENTS: i64 = 100_000;

/// Every chat of every workspace.
#[derive(Clone)]
pub struct Chats {
    store: Store,
    writer: Writer<Append>,
}

impl Chats {
    /// Starts the writer of the log.
    pub fn start(store: Store) -> Chats {
        let shared = Arc::new(store.clone());
        let writer = Writer::start(move |batch| {
            let store = Arc::clone(&shared);
            async move { append::commit(&store, batch).await }
        });
        Chats { store, writer }
    }

    /// Appends events to a chat, all or none, and answers once they are durable. The write goes on when the caller leaves.
    pub async fn append(&self, workspace: &Workspace, chat_id: &Id, events: Vec<NewEvent>) -> Result<Appended, ChatError> {
        let (answer, answered) = oneshot::channel();
        self.writer.queue(Append { workspace: workspace.clone(), chat_id: chat_id.clone(), events, answer })?;
        answered.await.map_err(|_| ChatError::Store(StoreError::Busy))?
    }

    /// Reads a chat, folded.
    pub async fn chat(&self, workspace: &Workspace, chat_id: &Id) -> Result<Chat, ChatError> {
        Ok(self.chat_and_events(workspace, chat_id).await?.0)
    }

    /// Reads a chat, folded, and all the events that it is the fold of, in the order of their sequence.
    pub async fn chat_and_events(&self, workspace: &Workspace, chat_id: &Id) -> Result<(Chat, Vec<Event>), ChatError> {
        let events = event_rows::chat_events(self.store.reads(), &key(workspace, chat_id.as_str()), 0, MOST_EVENTS).await?;
        if events.is_empty() {
            return Err(ChatError::NotFound(chat_id.to_string()));
        }
        Ok((Chat::fold(chat_id.as_str(), &events), events))
    }

    /// The ids of other chats of a chat's customer, newest opened first.
    pub async fn earlier_chat_ids(&self, workspace: &Workspace, chat: &Chat) -> Result<Vec<String>, ChatError> {
        let customer_id = &chat.summary.customer_id;
        if customer_id.is_empty() {
            return Ok(Vec::new());
        }
        let filter = Filter { customer_id: customer_id.clone(), ..Filter::default() };
        let chats = archive_rows::list(&self.store, workspace, &filter, None, MOST_EARLIER_CHATS + 1).await?;
        let mut ids: Vec<String> = chats.into_iter().map(|(id, _)| id).filter(|id| *id != chat.chat_id).collect();
        ids.truncate(MOST_EARLIER_CHATS);
        Ok(ids)
    }

    /// Reads the other chats of a chat's customer, newest opened first, at most `most`, and tells how many there are.
    pub async fn earlier_chats(&self, workspace: &Workspace, chat: &Chat, most: usize) -> Result<(Vec<EarlierChat>, usize), ChatError> {
        let ids = self.earlier_chat_ids(workspace, chat).await?;
        let mut earlier = Vec::new();
        for chat_id in ids.iter().take(most) {
            let events = event_rows::chat_events(self.store.reads(), &key(workspace, chat_id), 0, MOST_EVENTS).await?;
            earlier.push(EarlierChat(Chat::fold(chat_id, &events)));
        }
        Ok((earlier, ids.len()))
    }

    /// Whether there is such a chat.
    pub async fn exists(&self, workspace: &Workspace, chat_id: &Id) -> Result<bool, ChatError> {
        Ok(event_rows::summary(&self.store, &key(workspace, chat_id.as_str())).await?.is_some())
    }
}

fn key(workspace: &Workspace, chat_id: &str) -> ChatKey {
    ChatKey { workspace: workspace.as_str().to_owned(), chat_id: chat_id.to_owned() }
}
