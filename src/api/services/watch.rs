//! ChatService.Watch: what is told to a listener, as messages.

use std::{pin::Pin, time::Duration};

use async_stream::try_stream;
use futures::Stream;
use prost::Message;
use tonic::{Request, Response, Status};

use crate::{
    api::{
        Api, MAX_REPLY_BYTES, Reply, WatchHeartbeat,
        acting::acting,
        convert::{event, fields::Fields},
        pb::{self, watch_response::What},
    },
    chats::{ChatChange, Event, Resume, Told, Watch, Watched},
};

/// Most teams of an agent.
const MAX_GROUPS: usize = 100;
/// Longest resume token, in bytes: more than any that is given out.
const MAX_TOKEN: usize = 200;

/// The messages of a watch. Dropping it ends the watch.
pub type Messages = Pin<Box<dyn Stream<Item = Result<pb::WatchResponse, Status>> + Send>>;

impl Api {
    /// Starts a watch.
    pub(super) async fn start_watch(&self, request: Request<pb::WatchRequest>) -> Reply<Messages> {
        let desk = self.desk(&request);
        let acting = acting(&request);
        acting.may_use(&request.get_ref().chat_id)?;
        let WatchHeartbeat(heartbeat) = *request.extensions().get().expect("the server adds it to every request");
        let pb::WatchRequest { chat_id, after_sequence, agent_id, groups, resume_token } = request.into_inner();
        let mut fields = Fields::default();
        let chat_id = fields.optional_id("chat_id", chat_id);
        let agent_id = fields.optional_id("agent_id", agent_id);
        if chat_id.is_some() && agent_id.is_some() {
            fields.invalid("agent_id", "must be empty with a chat_id");
        }
        if after_sequence < 0 {
            fields.invalid("after_sequence", "must not be negative");
        } else if after_sequence > 0 && chat_id.is_none() {
            fields.invalid("after_sequence", "needs a chat_id");
        }
        if !groups.is_empty() && agent_id.is_none() {
            fields.invalid("groups", "needs an agent_id");
        } else if groups.len() > MAX_GROUPS {
            fields.invalid("groups", format!("must be at most {MAX_GROUPS}"));
        }
        let groups =
            groups.into_iter().take(MAX_GROUPS).enumerate().map(|(at, group)| fields.short(&format!("groups[{at}]"), group)).collect();
        let resume_token = fields.name("resume_token", resume_token, MAX_TOKEN);
        fields.ok()?;
        let resume = if resume_token.is_empty() { Resume::After(after_sequence) } else { Resume::Token(resume_token) };
        let watch = match chat_id {
            Some(chat_id) => desk.chats().watch_chat(&chat_id, resume).await?,
            None => {
                let asked = agent_id.map_or(Watched::All, |agent_id| Watched::OfAgent { agent_id: agent_id.to_string(), groups });
                desk.chats().watch(acting.watched(asked), resume).await?
            }
        };
        Ok(Response::new(messages(watch, heartbeat)))
    }
}

fn messages(mut watch: Watch, heartbeat: Duration) -> Messages {
    Box::pin(try_stream! {
        loop {
            let what = match watch.next(heartbeat).await? {
                Told::Changed(change) => {
                    let mut parts = parts(&change).into_iter().peekable();
                    while let Some((part, last_sequence)) = parts.next() {
                        let resume_token =
                            if parts.peek().is_some() { watch.token_within(&change, last_sequence) } else { watch.token() };
                        yield pb::WatchResponse { resume_token, what: Some(What::Changed(part)) };
                    }
                    continue;
                }
                Told::Erased(chat_id_sha256) => What::Erased(pb::ChatErased { chat_id_sha256 }),
                Told::CaughtUp => What::CaughtUp(pb::CaughtUp {}),
                Told::Nothing => {
                    let interval_milliseconds = i32::try_from(heartbeat.as_millis()).unwrap_or(i32::MAX);
                    What::Heartbeat(pb::Heartbeat { interval_milliseconds })
                }
            };
            yield pb::WatchResponse { resume_token: watch.token(), what: Some(what) };
        }
    })
}

/// A change as messages that are not too large, each with the sequence of its last event.
fn parts(change: &ChatChange) -> Vec<(pb::ChatChange, i64)> {
    let chat = event::encode_summary(change.chat_id().to_owned(), change.summary().clone());
    let empty = || pb::ChatChange { chat: Some(chat.clone()), events: Vec::new(), redacted: Vec::new() };
    let encoded = |event: &Event| event::encode_event(event.clone());
    let (mut parts, mut part, mut last, mut bytes) = (Vec::new(), empty(), 0, 0);
    part.redacted.extend(change.redacted().iter().map(encoded));
    for event in change.events() {
        let encoded = encoded(event);
        bytes += encoded.encoded_len();
        if bytes > MAX_REPLY_BYTES / 2 && !part.events.is_empty() {
            bytes = encoded.encoded_len();
            parts.push((std::mem::replace(&mut part, empty()), last));
        }
        last = event.sequence;
        part.events.push(encoded);
    }
    parts.push((part, last));
    parts
}
