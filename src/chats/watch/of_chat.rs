//! Watches one chat, by the sequence of its events: the feed only says when there are new ones, and mostly brings them.

use tokio::time::{Instant, sleep_until};

use crate::{
    chats::{
        change_rows::{Change, Owner, Position},
        chat_rows::{self, ChatKey},
        error::ChatError,
        event_page_rows,
        watch::{
            Told,
            feed::{Subscription, Taken},
            filter::erased_id,
            resume::PlaceInChat,
        },
    },
    store::Store,
};

/// Bytes of events that a listener reads at once, and holds while its client reads.
const PAGE_BYTES: usize = 64 << 10;

/// A watch of one chat.
pub struct OfChat {
    store: Store,
    key: ChatKey,
    subscription: Subscription,
    /// The chat's number is 0 before it is known.
    place: PlaceInChat,
    position: Position,
    /// Whether events are to be read from the chat itself.
    is_behind: bool,
    is_caught_up: bool,
}

impl OfChat {
    /// Begins after a place.
    pub async fn begin(store: Store, key: ChatKey, subscription: Subscription, place: PlaceInChat) -> Result<OfChat, ChatError> {
        if place.chat == 0 && chat_rows::numbered_summary(&store, &key).await?.is_none() {
            return Err(ChatError::NotFound(key.chat_id));
        }
        let position = subscription.position();
        Ok(OfChat { store, key, subscription, place, position, is_behind: true, is_caught_up: false })
    }

    pub async fn next(&mut self, heartbeat: Instant) -> Result<Told, ChatError> {
        loop {
            if self.is_behind {
                if let Some(told) = self.read().await? {
                    return Ok(told);
                }
                continue;
            }
            match self.subscription.take(self.position) {
                Taken::Change(change) => {
                    self.position = change.position;
                    if !change.erased.is_empty() && change.chat == self.place.chat {
                        return Ok(self.erased());
                    }
                    if change.chat != self.place.chat || change.last_sequence <= self.place.sequence {
                        continue;
                    }
                    if change.first_sequence > self.place.sequence + 1 {
                        // A server of the version before appended: it does not tell.
                        self.read_from_chat();
                        continue;
                    }
                    let after = std::mem::replace(&mut self.place.sequence, change.last_sequence);
                    return Ok(Told::of(change, after));
                }
                Taken::Nothing(position) => {
                    self.position = position;
                    if !std::mem::replace(&mut self.is_caught_up, true) {
                        return Ok(Told::CaughtUp);
                    }
                    tokio::select! {
                        () = self.subscription.news() => {}
                        () = sleep_until(heartbeat) => return Ok(Told::Nothing),
                    }
                }
                Taken::Behind | Taken::Lost => self.read_from_chat(),
                Taken::Slow => return Err(ChatError::WatchTooSlow),
            }
        }
    }

    fn read_from_chat(&mut self) {
        self.subscription.rejoin();
        self.position = self.subscription.position();
        self.is_behind = true;
    }

    fn erased(&mut self) -> Told {
        self.place = PlaceInChat { chat: 0, sequence: 0 };
        self.is_behind = true;
        Told::Erased(erased_id(&self.key.chat_id))
    }

    /// Reads the next events of the chat; `None` if there are none.
    async fn read(&mut self) -> Result<Option<Told>, ChatError> {
        let known = chat_rows::numbered_summary(&self.store, &self.key).await?;
        let (number, mut summary) = match known {
            None if self.place.chat == 0 => return Err(ChatError::NotFound(self.key.chat_id.clone())),
            Some((number, summary)) if self.place.chat == 0 || self.place.chat == number => (number, summary),
            // It was erased, whether or not another began under its id.
            None | Some(_) => return Ok(Some(self.erased())),
        };
        self.place.chat = number;
        let events = event_page_rows::after(&self.store, number, self.place.sequence, PAGE_BYTES).await?;
        let (Some(first), Some(last)) = (events.first(), events.last()) else {
            self.is_behind = false;
            return Ok(None);
        };
        let (first_sequence, last_sequence) = (first.sequence, last.sequence);
        if last_sequence > summary.last_sequence {
            match chat_rows::numbered_summary(&self.store, &self.key).await? {
                Some((same, newer)) if same == number => summary = newer,
                // It was erased meanwhile: what was read is not told.
                _ => return Ok(Some(self.erased())),
            }
        }
        let redacted = event_page_rows::redacted_by(&self.store, number, &events).await?;
        let after = std::mem::replace(&mut self.place.sequence, last_sequence);
        let change = Change {
            position: self.position,
            chat: number,
            first_sequence,
            last_sequence,
            bytes: 0,
            before: Owner::default(),
            after: Owner::default(),
            erased: String::new(),
            chat_id: self.key.chat_id.clone(),
            summary,
            events,
            redacted,
        };
        Ok(Some(Told::of(change.into(), after)))
    }

    /// Where it goes on after what was told last; `part`: after this sequence of it.
    pub fn token(&self, part: Option<i64>) -> String {
        let place = PlaceInChat { sequence: part.unwrap_or(self.place.sequence), ..self.place };
        place.token(self.store.signer(), &self.key.workspace, &self.key.chat_id)
    }
}
