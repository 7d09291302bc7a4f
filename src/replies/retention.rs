//! Retention: what is older than a workspace keeps is erased, in small batches, and told in the log.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::task::AbortOnDropHandle;

use super::{Replies, ReplyError, offer_rows};
use crate::config::Workspace;

/// How often it is looked for what is too old.
const EVERY: Duration = Duration::from_secs(600);
/// Chats erased in one write: appends wait for no more than this.
const BATCH: usize = 50;

impl Replies {
    /// Starts to erase what is older than the desk keeps, if it keeps not everything. It ends when the handle is dropped.
    pub fn keep_to_retention(&self, workspace: Workspace) -> AbortOnDropHandle<()> {
        let replies = self.clone();
        AbortOnDropHandle::new(tokio::spawn(async move {
            let mut turns = interval(EVERY);
            turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                turns.tick().await;
                let Some(days) = replies.desk.retention_days else { continue };
                match replies.erase_older(&workspace, Timestamp::now() - SignedDuration::from_hours(24 * i64::from(days))).await {
                    Ok((0, 0)) => {}
                    Ok((chats, uses)) => {
                        tracing::info!(workspace = workspace.as_str(), days, chats, searches_and_ratings = uses, "erased what was too old");
                    }
                    Err(error) => tracing::warn!(error = %error, "what is too old could not be erased; it is tried again"),
                }
                // Whatever was erased, before an error too, is marked.
                replies.store.wipe().await;
            }
        }))
    }

    /// Erases chats whose last event came before `time`, and what was searched and rated before it; tells how many.
    async fn erase_older(&self, workspace: &Workspace, time: Timestamp) -> Result<(u64, u64), ReplyError> {
        let mut chats = 0;
        loop {
            let batch = self.chats.idle_since(workspace, time, BATCH).await?;
            let mut write = self.store.begin().await?;
            let mut erased = Vec::new();
            for (number, chat_id) in &batch {
                if self.chats.erase_idle(&mut write, *number, time).await? {
                    erased.push(chat_id.clone());
                }
            }
            offer_rows::erase(&mut write, workspace, &erased).await?;
            if !erased.is_empty() {
                self.store.mark_wipe(&mut write).await?;
            }
            write.commit().await?;
            chats += erased.len() as u64;
            if !erased.is_empty() {
                tracing::debug!(chats, "erasing what is too old");
            }
            if batch.len() < BATCH {
                break;
            }
            tokio::task::yield_now().await;
        }
        let uses = self.knowledge.forget_uses(workspace, time).await?;
        Ok((chats, uses))
    }
}
