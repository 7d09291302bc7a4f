//! What ends a stream of `ChatService.Watch`, which does not end by itself: its connection takes its leave, or its key is no longer valid.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures::{FutureExt, future::BoxFuture};
use tonic::Status;

use crate::{
    api::status,
    keys::{CheckedKey, KeyError},
    server::{auth::Authenticator, connection::Connection, usage::UsageShare},
};

/// The path of the method.
pub const CHAT_WATCH: &str = "/deskhand.v1.ChatService/Watch";

/// The end of an open watch, and its place among them.
pub struct WatchEnd {
    _share: UsageShare,
    ended: BoxFuture<'static, Option<KeyError>>,
}

impl WatchEnd {
    /// Takes a place; fails if there is none.
    pub fn open(connection: &Arc<Connection>, authenticator: &Authenticator, key: Option<CheckedKey>) -> Result<WatchEnd, Status> {
        let id = key.as_ref().map(|CheckedKey { key, agent }| match agent {
            Some(agent) => format!("{}/{}", key.key_id, agent.agent_id),
            None => key.key_id.clone(),
        });
        let of_agent = key.as_ref().is_some_and(|key| key.agent.is_some());
        let share = connection.watch(id.as_deref(), of_agent).ok_or_else(status::too_many_watches)?;
        let (connection, authenticator) = (Arc::clone(connection), authenticator.clone());
        let ended = async move {
            tokio::select! {
                () = connection.leaving() => None,
                error = authenticator.key_ended(key) => Some(error),
            }
        };
        Ok(WatchEnd { _share: share, ended: ended.boxed() })
    }

    /// How it ends, once it does; `partial`: something was sent.
    pub fn poll(&mut self, context: &mut Context<'_>, partial: bool) -> Poll<Status> {
        self.ended.as_mut().poll(context).map(|ended| ended.map_or_else(|| status::stopping(partial), Status::from))
    }
}
