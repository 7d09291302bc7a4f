//! That chats changed: told by the server that wrote them to its own listeners at once, and to those of the other servers through PostgreSQL.
//! It may be lost on the way; the pulse tells within a second.

use std::sync::Arc;

use tokio::sync::watch;

/// Tells that chats changed.
#[derive(Debug, Clone)]
pub struct ChatNews {
    sender: Arc<str>,
    told: watch::Sender<()>,
}

impl Default for ChatNews {
    /// The news of a database that was just opened.
    fn default() -> ChatNews {
        ChatNews { sender: uuid::Uuid::new_v4().to_string().into(), told: watch::Sender::new(()) }
    }
}

impl ChatNews {
    /// Which server tells, among those of the database.
    pub fn sender(&self) -> &str {
        &self.sender
    }

    /// Wakes who follows.
    pub fn tell(&self) {
        self.told.send_replace(());
    }

    /// Follows from now on.
    pub fn follow(&self) -> watch::Receiver<()> {
        self.told.subscribe()
    }
}
