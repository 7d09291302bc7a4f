//! What happens in chats, told to those who watch. Appends and erasures write what changed into a log, numbered in the order of their
//! commits; one reader of each workspace hands it on to all listeners of the server. A listener keeps only how far it is.

mod counts;
mod feed;
mod feeds;
mod filter;
mod of_chat;
mod of_chats;
mod resume;

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

pub use feeds::Feeds;
pub use filter::Watched;

use crate::{
    chats::{
        ChatLog, Chats, Event, Summary,
        change_rows::{self, Change, NewChange, Owner},
        error::ChatError,
        watch::{
            filter::{Filter, erased_id},
            of_chat::OfChat,
            of_chats::OfChats,
            resume::{Place, PlaceInChat},
        },
    },
    ids::Id,
    store::Write,
    task,
};

/// Where a watch begins.
#[derive(Debug, Clone)]
pub enum Resume {
    /// With what happens from now on; of one chat with its events after this sequence.
    After(i64),
    /// Where another ended, by its token.
    Token(String),
}

/// What a listener is told next.
pub enum Told {
    /// A chat has new events.
    Changed(ChatChange),
    /// A chat was erased; the SHA-256 of its id, in hexadecimal digits.
    Erased(String),
    /// All that had happened was told.
    CaughtUp,
    /// Nothing happened for a while.
    Nothing,
}

/// New events of a chat.
pub struct ChatChange {
    change: Arc<Change>,
    /// Events up to this sequence were told before.
    after: i64,
}

impl Told {
    fn of(change: Arc<Change>, after: i64) -> Told {
        match change.erased.is_empty() {
            true => Told::Changed(ChatChange { change, after }),
            false => Told::Erased(change.erased.clone()),
        }
    }
}

impl ChatChange {
    /// The chat's id.
    pub fn chat_id(&self) -> &str {
        &self.change.chat_id
    }

    /// The chat's state, at least as new as the events.
    pub fn summary(&self) -> &Summary {
        &self.change.summary
    }

    /// The new events, in the order of their sequence.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.change.events.iter().filter(|event| event.sequence > self.after)
    }

    /// Earlier events that the new ones redact, as they are now.
    pub fn redacted(&self) -> &[Event] {
        &self.change.redacted
    }
}

/// A watch: of several chats or of one. Dropping it ends it.
pub struct Watch {
    feeds: Arc<Feeds>,
    kind: Kind,
}

enum Kind {
    OfChats(Box<OfChats>),
    OfChat(Box<OfChat>),
}

impl Watch {
    /// Waits for what is to be told next; for at most `heartbeat` for anything.
    pub async fn next(&mut self, heartbeat: Duration) -> Result<Told, ChatError> {
        let until = Instant::now() + heartbeat;
        let told = match &mut self.kind {
            Kind::OfChats(chats) => chats.next(until).await,
            Kind::OfChat(chat) => chat.next(until).await,
        };
        match &told {
            Ok(Told::Changed(_) | Told::Erased(_)) => self.feeds.counts().told(),
            Err(ChatError::WatchTooSlow) => self.feeds.counts().too_slow(),
            Ok(Told::CaughtUp | Told::Nothing) | Err(_) => {}
        }
        told
    }

    /// Returns the token with which another watch goes on after what was told last.
    pub fn token(&self) -> String {
        match &self.kind {
            Kind::OfChats(chats) => chats.token(None),
            Kind::OfChat(chat) => chat.token(None),
        }
    }

    /// Returns the token with which another watch goes on after an event of the change that was told last.
    pub fn token_within(&self, change: &ChatChange, sequence: i64) -> String {
        match &self.kind {
            Kind::OfChats(chats) => chats.token(Some((change, sequence))),
            Kind::OfChat(chat) => chat.token(Some(sequence)),
        }
    }
}

impl ChatLog {
    /// Starts to take away what is older than what those who watch may ask for. Stops when the handle is dropped.
    pub fn keep_changes_pruned(&self) -> AbortOnDropHandle<()> {
        let log = self.clone();
        task::supervised("taking away old changes", move || {
            let log = log.clone();
            let leadership = log.store.leadership("old changes of chats");
            leadership.while_leading(move || {
                let log = log.clone();
                async move { log.feeds.keep_pruned().await }
            })
        })
    }
}

impl Chats {
    /// Watches several chats. Fails if the token is not one of such a watch, or is too old.
    pub async fn watch(&self, watched: Watched, resume: Resume) -> Result<Watch, ChatError> {
        let (store, workspace) = (&self.log.store, self.workspace.as_str());
        let from = match resume {
            Resume::After(_) => None,
            Resume::Token(token) => Some(Place::read(store.signer(), workspace, &token).ok_or(ChatError::ResumeToken)?),
        };
        let subscription = self.log.feeds.join(workspace, Filter::new(watched)).await?;
        let chats = OfChats::begin(store.clone(), workspace.to_owned(), subscription, from).await?;
        Ok(Watch { feeds: Arc::clone(&self.log.feeds), kind: Kind::OfChats(Box::new(chats)) })
    }

    /// Watches one chat. Fails if there is none, or if the token is not one of a watch of it.
    pub async fn watch_chat(&self, chat_id: &Id, resume: Resume) -> Result<Watch, ChatError> {
        let (store, key) = (&self.log.store, self.key(chat_id.as_str()));
        let place = match resume {
            Resume::After(sequence) => PlaceInChat { chat: 0, sequence },
            Resume::Token(token) => {
                PlaceInChat::read(store.signer(), &key.workspace, &key.chat_id, &token).ok_or(ChatError::ResumeToken)?
            }
        };
        let filter = Filter::new(Watched::These(vec![key.chat_id.clone()]));
        let subscription = self.log.feeds.join(&key.workspace, filter).await?;
        let chat = OfChat::begin(store.clone(), key, subscription, place).await?;
        Ok(Watch { feeds: Arc::clone(&self.log.feeds), kind: Kind::OfChat(Box::new(chat)) })
    }

    /// Writes down that chats were erased, by number and id, as the last thing before the commit of the write that erases them.
    pub async fn record_erased(&self, write: &mut Write, chats: &[(i64, String)]) -> Result<(), ChatError> {
        let erased = |(number, chat_id): &(i64, String)| NewChange {
            workspace: self.workspace.as_str(),
            chat: *number,
            sequences: (0, 0),
            bytes: 0,
            before: Owner::default(),
            after: Owner::default(),
            erased: erased_id(chat_id),
        };
        let changes: Vec<NewChange> = chats.iter().map(erased).collect();
        if !changes.is_empty() {
            write.tell_of_chats(self.log.store.chat_news().sender()).await?;
        }
        change_rows::record(write, &changes).await
    }

    /// Tells those who watch on this server that the write was committed.
    pub fn tell_erased(&self) {
        self.log.numbers.clear();
        self.log.feeds.committed(true);
    }
}
