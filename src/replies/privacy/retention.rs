//! Retention: what is older than a workspace keeps is erased, in small batches, and told in the log.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    replies::{
        Desk,
        error::ReplyError,
        learning::{lesson_rows, outcome_rows},
    },
    task,
};

/// How often it is looked for what is too old.
const EVERY: Duration = Duration::from_secs(600);
/// Chats erased in one write: appends wait for no more than this.
const BATCH: usize = 50;
/// Longest that searches, what was opened from them, and ratings are kept.
const USES_DAYS: u32 = 90;

impl Desk {
    /// Starts to erase what is older than the desk keeps: chats if a time is set for them, searches and ratings after 90 days at most, and
    /// what was learned for texts that have been gone for 30 days. It ends when the handle is dropped.
    pub fn keep_to_retention(&self) -> AbortOnDropHandle<()> {
        let desk = self.clone();
        task::supervised("retention", move || desk.clone().erase_as_it_ages())
    }

    async fn erase_as_it_ages(self) {
        let mut turns = interval(EVERY);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            match self.erase_too_old().await {
                Ok((0, 0, 0)) => continue,
                Ok((chats, uses, lessons)) => {
                    tracing::info!(
                        workspace = self.workspace.as_str(),
                        chats,
                        searches_and_ratings = uses,
                        lessons,
                        "erased what was too old"
                    );
                }
                Err(error) => tracing::warn!(error = %error, "what is too old could not be erased; it is tried again"),
            }
            // Whatever was erased, before an error too, is marked.
            self.store.wipe().await;
        }
    }

    /// Erases what is too old now; tells how many chats, how many searches, openings and ratings, and how many lessons of texts that are
    /// gone.
    async fn erase_too_old(&self) -> Result<(u64, u64, u64), ReplyError> {
        let before = |days: u32| Timestamp::now() - SignedDuration::from_hours(24 * i64::from(days));
        let chats = match self.settings.retention_days {
            Some(days) => self.erase_idle(before(days)).await?,
            None => 0,
        };
        let days = self.settings.retention_days.unwrap_or(USES_DAYS).min(USES_DAYS);
        let uses = self.knowledge.forget_uses(before(days)).await?;
        Ok((chats, uses, lesson_rows::remove_tombstones(&self.store, &self.workspace, Timestamp::now()).await?))
    }

    /// Erases chats whose last event came before `time`; tells how many.
    async fn erase_idle(&self, time: Timestamp) -> Result<u64, ReplyError> {
        let mut chats = 0;
        loop {
            let batch = self.chats.idle_since(time, BATCH).await?;
            if batch.is_empty() {
                return Ok(chats);
            }
            let mut write = self.store.begin().await?;
            let mut erased = Vec::new();
            for (number, chat_id) in &batch {
                if self.chats.erase_idle(&mut write, *number, time).await? {
                    erased.push(chat_id.clone());
                }
            }
            outcome_rows::erase(&mut write, &self.workspace, &erased).await?;
            if !erased.is_empty() {
                self.store.mark_wipe(&mut write).await?;
            }
            write.commit().await?;
            chats += erased.len() as u64;
            if !erased.is_empty() {
                tracing::debug!(chats, "erasing what is too old");
            }
            if batch.len() < BATCH {
                return Ok(chats);
            }
            tokio::task::yield_now().await;
        }
    }
}
