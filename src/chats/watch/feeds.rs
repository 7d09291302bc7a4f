//! The feeds of a database's workspaces. Each has one task that reads the log, as long as somebody listens.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;

use crate::{
    chats::{
        change_rows::{self, Page},
        error::ChatError,
        watch::{
            counts::Counts,
            feed::{Feed, Subscription},
            filter::Filter,
        },
    },
    store::Store,
    task,
};

/// Bytes of changes read at once for all listeners.
const READ_BYTES: usize = 1 << 20;
/// How soon a failed read is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// How long changes are kept, in minutes, and how often older ones are taken away.
const KEPT_MINUTES: i64 = 60;
const PRUNE_INTERVAL: Duration = Duration::from_secs(60);

/// The feeds of a database.
pub struct Feeds {
    store: Store,
    feeds: Mutex<HashMap<String, Weak<Feed>>>,
    counts: Arc<Counts>,
}

impl Feeds {
    pub fn new(store: Store) -> Feeds {
        Feeds { store, feeds: Mutex::default(), counts: Arc::default() }
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Tells that this server committed changes; whether text of earlier ones was wiped with them.
    pub fn committed(&self, wiped: bool) {
        if wiped {
            let feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
            feeds.values().filter_map(Weak::upgrade).for_each(|feed| feed.purge());
        }
        self.store.chat_news().tell();
    }

    /// Joins the feed of a workspace, which begins with its first listener.
    pub async fn join(&self, workspace: &str, filter: Filter) -> Result<Subscription, ChatError> {
        let feed = {
            let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
            let known = feeds.get(workspace).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let feed = Arc::new(Feed::new(Arc::clone(&self.counts)));
                feeds.insert(workspace.to_owned(), Arc::downgrade(&feed));
                feed
            })
        };
        let begin = async {
            feed.begin_at(change_rows::end(&self.store, workspace).await?);
            let (store, workspace, feed) = (self.store.clone(), workspace.to_owned(), Arc::downgrade(&feed));
            let read = move || read(store.clone(), workspace.clone(), Weak::clone(&feed));
            Ok::<_, ChatError>(task::supervised("reading changes of chats", read))
        };
        feed.reading.get_or_try_init(|| begin).await?;
        Ok(Subscription::new(feed, filter))
    }

    /// Takes away what is older than what is kept, where anything was written. Never returns.
    pub async fn keep_pruned(&self) {
        let mut pruned: HashMap<String, i64> = HashMap::new();
        loop {
            sleep(PRUNE_INTERVAL).await;
            let pulse = self.store.pulses().last();
            for (workspace, number) in pulse.chats() {
                if pruned.get(workspace) == Some(&number) {
                    continue;
                }
                match self.prune(workspace).await {
                    Ok(true) => {
                        pruned.insert(workspace.to_owned(), number);
                    }
                    Ok(false) => {}
                    Err(error) => tracing::warn!(error = %error, "taking away old changes of chats failed; retrying"),
                }
            }
        }
    }

    /// Returns whether nothing is left of a workspace.
    async fn prune(&self, workspace: &str) -> Result<bool, ChatError> {
        let before = Timestamp::now() - SignedDuration::from_mins(KEPT_MINUTES);
        while change_rows::prune(&self.store, workspace, before).await? {}
        change_rows::is_empty(&self.store, workspace).await
    }
}

/// Reads the log of a workspace for its listeners: when this server or another one tells of changes, and when the pulse does, which is what
/// counts.
async fn read(store: Store, workspace: String, feed: Weak<Feed>) {
    let (mut news, mut pulses) = (store.chat_news().follow(), store.pulses());
    loop {
        news.mark_unchanged();
        // It ends with the feed, which nobody else holds here.
        let Some((position, purges)) = feed.upgrade().map(|feed| feed.next_read()) else { return };
        let read = change_rows::after(&store, &workspace, position, READ_BYTES).await;
        let Some(feed) = feed.upgrade() else { return };
        match read {
            Ok(Page::Of(changes, end)) => feed.hand_on(changes, end, purges),
            Ok(Page::End) => {
                drop(feed);
                tokio::select! {
                    _ = news.changed() => {}
                    () = pulses.until(|pulse| pulse.chats_of(&workspace) > position.number) => {}
                }
            }
            Ok(Page::Lost) => match change_rows::end(&store, &workspace).await {
                Ok(end) => feed.begin_at(end),
                Err(error) => failed(&error).await,
            },
            Err(error) => {
                drop(feed);
                failed(&error).await;
            }
        }
    }
}

async fn failed(error: &ChatError) {
    tracing::debug!(error = %error, "can't read changes of chats; retrying");
    sleep(RETRY_INTERVAL).await;
}
