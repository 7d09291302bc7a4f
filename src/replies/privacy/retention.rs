//! Retention: erases expired data in small batches, and logs it. On PostgreSQL it then drops the partitions of the log that hold no chat any more.

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
    store::PartitionError,
    task,
};

/// Interval between two runs.
const INTERVAL: Duration = Duration::from_secs(600);
/// Chats erased in one write, which is the longest that appends have to wait.
const BATCH: usize = 50;
/// Longest retention of searches, articles opened from them, and ratings.
const USES_DAYS: u32 = 90;

impl Desk {
    /// Starts erasing expired data: chats if they have a retention time, searches and ratings after at most 90 days, and lessons of texts
    /// that were deleted 30 days ago. Of several servers one does it. Stops when the handle is dropped.
    pub fn keep_to_retention(&self) -> AbortOnDropHandle<()> {
        let desk = self.clone();
        task::supervised("retention", move || {
            let desk = desk.clone();
            let leadership = desk.store.leadership(&format!("retention of {}", desk.workspace));
            leadership.while_leading(move || desk.clone().run_retention())
        })
    }

    async fn run_retention(self) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let erased = self.erase_expired().await;
            self.drop_past_partitions().await;
            match erased {
                Ok((0, 0, 0)) => continue,
                Ok((chats, uses, lessons)) => {
                    tracing::info!(workspace = self.workspace.as_str(), chats, searches_and_ratings = uses, lessons, "erased expired data");
                }
                Err(error) => tracing::warn!(error = %error, "erasing expired data failed; retrying"),
            }
            // Wipes what was erased, also before an error.
            self.store.wipe().await;
        }
    }

    /// Gives the space of past months back to the disk in which no chat is left, erased by retention or otherwise.
    async fn drop_past_partitions(&self) {
        match self.store.drop_past_partitions().await {
            Ok(dropped) if dropped.is_empty() => {}
            Ok(dropped) => tracing::info!(partitions = dropped.join(" "), "dropped partitions of the log whose chats are all erased"),
            Err(PartitionError::InUse) => tracing::debug!("a partition to be dropped is in use; it is tried again at the next run"),
            Err(error) => tracing::warn!(error = %error, "dropping partitions of the log failed; retrying"),
        }
    }

    /// Erases expired data; returns how many chats, how many searches, opened articles and ratings, and how many lessons of deleted texts.
    async fn erase_expired(&self) -> Result<(u64, u64, u64), ReplyError> {
        let before = |days: u32| Timestamp::now() - SignedDuration::from_hours(24 * i64::from(days));
        let chats = match self.settings.retention_days {
            Some(days) => self.erase_idle(before(days)).await?,
            None => 0,
        };
        let days = self.settings.retention_days.unwrap_or(USES_DAYS).min(USES_DAYS);
        let uses = self.knowledge.forget_uses(before(days)).await?;
        Ok((chats, uses, lesson_rows::remove_tombstones(&self.store, &self.workspace, Timestamp::now()).await?))
    }

    /// Erases chats whose last event is older than `time`; returns how many.
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
                    erased.push((*number, chat_id.clone()));
                }
            }
            let chat_ids: Vec<String> = erased.iter().map(|(_, chat_id)| chat_id.clone()).collect();
            outcome_rows::erase(&mut write, &self.workspace, &chat_ids).await?;
            if !erased.is_empty() {
                self.store.mark_wipe(&mut write).await?;
            }
            self.chats.record_erased(&mut write, &erased).await?;
            write.commit().await?;
            self.chats.tell_erased();
            chats += erased.len() as u64;
            if !erased.is_empty() {
                tracing::debug!(chats, "erasing expired chats");
            }
            if batch.len() < BATCH {
                return Ok(chats);
            }
            tokio::task::yield_now().await;
        }
    }
}
