//! Watches several chats, by the log of changes.

use std::{collections::VecDeque, sync::Arc};

use tokio::time::{Instant, sleep_until};

use crate::{
    chats::{
        change_rows::{self, Change, Page, Position},
        error::ChatError,
        watch::{
            ChatChange, Told,
            feed::{Subscription, Taken},
            resume::Place,
        },
    },
    store::Store,
};

/// Bytes of changes that a listener reads at once, and holds while its client reads.
const PAGE_BYTES: usize = 64 << 10;

/// A watch of several chats.
pub struct OfChats {
    store: Store,
    workspace: String,
    subscription: Subscription,
    /// The last change that it was told, or that was not for it.
    position: Position,
    /// The change after that, of which it was told the events up to a sequence.
    part: Option<(Position, i64)>,
    /// Changes that were read from the log and not told yet, and the feed's purges before.
    page: VecDeque<Arc<Change>>,
    purges: u64,
    /// How far the page reads.
    page_end: Position,
    /// The number of the last change that was there at the beginning, once it was asked for: the feed may not be that far yet.
    begun_at: Option<i64>,
    is_caught_up: bool,
}

impl OfChats {
    /// Begins after a place, or now.
    pub async fn begin(store: Store, workspace: String, subscription: Subscription, from: Option<Place>) -> Result<OfChats, ChatError> {
        let Place { position, part } = from.unwrap_or(Place { position: subscription.position(), part: None });
        let is_kept = subscription.knows(position) || change_rows::is_kept(&store, &workspace, position).await?;
        if !is_kept {
            return Err(ChatError::ResumeTooOld);
        }
        let part = part.map(|sequence| (position, sequence));
        let position = if part.is_some() { position.before() } else { position };
        let (page, purges) = (VecDeque::new(), subscription.feed().purges());
        Ok(OfChats {
            store,
            workspace,
            subscription,
            position,
            part,
            page,
            purges,
            page_end: position,
            begun_at: None,
            is_caught_up: false,
        })
    }

    pub async fn next(&mut self, heartbeat: Instant) -> Result<Told, ChatError> {
        loop {
            if let Some(change) = self.next_of_page() {
                if let Some(told) = self.tell(change) {
                    return Ok(told);
                }
                continue;
            }
            match self.subscription.take(self.position) {
                Taken::Change(change) => {
                    if let Some(told) = self.tell(change) {
                        return Ok(told);
                    }
                }
                Taken::Nothing(position) => {
                    self.move_to(position);
                    if !self.is_caught_up {
                        if position.number < self.begun_at().await? {
                            self.read().await?;
                            continue;
                        }
                        self.is_caught_up = true;
                        return Ok(Told::CaughtUp);
                    }
                    tokio::select! {
                        () = self.subscription.news() => {}
                        () = sleep_until(heartbeat) => return Ok(Told::Nothing),
                    }
                }
                Taken::Behind => self.read().await?,
                Taken::Slow => return Err(ChatError::WatchTooSlow),
                Taken::Lost => return Err(ChatError::ResumeTooOld),
            }
        }
    }

    async fn begun_at(&mut self) -> Result<i64, ChatError> {
        Ok(match self.begun_at {
            Some(number) => number,
            None => *self.begun_at.insert(change_rows::end(&self.store, &self.workspace).await?.number),
        })
    }

    /// Reads on in the log.
    async fn read(&mut self) -> Result<(), ChatError> {
        self.purges = self.subscription.feed().purges();
        match change_rows::after(&self.store, &self.workspace, self.position, PAGE_BYTES).await? {
            Page::Of(changes, end) => {
                self.page = changes.into_iter().map(Arc::new).collect();
                self.page_end = end;
                if self.page.is_empty() {
                    self.move_to(end);
                }
                Ok(())
            }
            // The latest changes are beyond it, so there is something: unless the log was pruned meanwhile.
            Page::End | Page::Lost => Err(ChatError::ResumeTooOld),
        }
    }

    fn next_of_page(&mut self) -> Option<Arc<Change>> {
        if !self.page.is_empty() && self.subscription.feed().purges() != self.purges {
            // Text of it may have been redacted or erased since: it is read again.
            self.page.clear();
        }
        self.page.pop_front()
    }

    fn move_to(&mut self, position: Position) {
        self.position = position;
        self.part.take_if(|(change, _)| change.number <= position.number);
    }

    /// Tells a change, unless it is not for this listener or was told before.
    fn tell(&mut self, change: Arc<Change>) -> Option<Told> {
        let told_to = self.part.filter(|(told, _)| *told == change.position).map_or(0, |(_, sequence)| sequence);
        // What follows it in the page may not be for this listener.
        let is_last = self.page.is_empty() && self.page_end.number > change.position.number;
        self.move_to(if is_last { self.page_end } else { change.position });
        let is_told = !self.subscription.filter.lets_pass(&change) || (change.erased.is_empty() && change.last_sequence <= told_to);
        (!is_told).then(|| Told::of(change, told_to))
    }

    /// Where it goes on after what was told last; `part`: after this sequence of it.
    pub fn token(&self, part: Option<(&ChatChange, i64)>) -> String {
        let within = part.map(|(change, sequence)| (change.change.position, sequence)).or(self.part);
        let place = match within {
            Some((position, sequence)) => Place { position, part: Some(sequence) },
            None => Place { position: self.position, part: None },
        };
        place.token(self.store.signer(), &self.workspace)
    }
}
