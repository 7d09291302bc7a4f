//! The numbers of the chats that were read lately: who reads a chat again need not look its number up.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;

use crate::{
    chats::{
        Chats,
        chat_rows::{self, ChatKey},
        error::ChatError,
        event::Event,
        event_page_rows::{self, Recent},
    },
    ids::Id,
};

/// Chats of which the number is kept: some two megabytes.
const KEPT: NonZeroUsize = NonZeroUsize::new(10_000).expect("more than zero");

/// Numbers of chats. A number is of one chat for good: one that was erased has no events under it, and one that begins anew has another.
#[derive(Clone)]
pub struct Numbers(Arc<Mutex<LruCache<ChatKey, i64>>>);

impl Default for Numbers {
    fn default() -> Numbers {
        Numbers(Arc::new(Mutex::new(LruCache::new(KEPT))))
    }
}

impl Numbers {
    fn kept(&self) -> MutexGuard<'_, LruCache<ChatKey, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets all: an id may be of a chat that was erased.
    pub fn clear(&self) {
        self.kept().clear();
    }
}

impl Chats {
    /// Reads the latest events of a chat up to `bytes`, see [`event_page_rows::recent`], with its number; without events if there is no such chat.
    pub(super) async fn recent(&self, chat_id: &str, bytes: usize) -> Result<(i64, Recent), ChatError> {
        let (store, key) = (&self.log.store, self.key(chat_id));
        let kept = self.log.numbers.kept().get(&key).copied();
        if let Some(number) = kept {
            let recent = event_page_rows::recent(store, number, bytes).await?;
            if !recent.events.is_empty() {
                return Ok((number, recent));
            }
        }
        let Some(number) = chat_rows::number(store, &key.workspace, &key.chat_id).await? else { return Ok((0, Recent::default())) };
        self.log.numbers.kept().put(key, number);
        Ok((number, event_page_rows::recent(store, number, bytes).await?))
    }

    /// Reads all events of a chat, in order of their sequence; `None` if they exceed `bytes`, empty if the chat does not exist.
    pub(super) async fn whole(&self, chat_id: &str, bytes: usize) -> Result<Option<Vec<Event>>, ChatError> {
        let (_, Recent { events, unread }) = self.recent(chat_id, bytes).await?;
        Ok(unread.is_none().then_some(events))
    }

    /// Returns whether the customer wrote after a sequence.
    pub async fn wrote_after(&self, chat_id: &Id, sequence: i64) -> Result<bool, ChatError> {
        match chat_rows::number(&self.log.store, self.workspace.as_str(), chat_id.as_str()).await? {
            Some(number) => event_page_rows::customer_wrote_after(&self.log.store, number, sequence).await,
            None => Ok(false),
        }
    }
}
