//! Watch: order, completeness, resuming, several servers, slow readers, keys, drain, redaction and erasure, Connect JSON, heartbeats.

mod json;
mod limits;
mod readers;
mod resuming;

use std::{collections::BTreeMap, time::Duration};

use deskhand::api::pb::{self, chat_service_client::ChatServiceClient, event::Body, watch_response::What};
use futures::future::join_all;
use sha2::{Digest, Sha256};
use tokio::time::timeout;
use tonic::{Request, Status, Streaming, metadata::MetadataValue, transport::Channel};

use crate::support::desk::{Desk, Opening, customer_says, event};

/// How long a test waits for a message that has to come.
const PATIENCE: Duration = Duration::from_secs(30);
const OPENING: Opening = Opening { with_model: false, with_shop: false, change: |_| {} };

/// A stream that is read.
struct Watching {
    stream: Streaming<pb::WatchResponse>,
    token: String,
}

impl Watching {
    async fn open(channel: &Channel, request: pb::WatchRequest, key: Option<&str>) -> Result<Watching, Status> {
        let token = request.resume_token.clone();
        let mut request = Request::new(request);
        if let Some(key) = key {
            request.metadata_mut().insert("authorization", MetadataValue::try_from(format!("Bearer {key}")).unwrap());
        }
        let mut client = ChatServiceClient::new(channel.clone()).max_decoding_message_size(8 << 20);
        Ok(Watching { stream: client.watch(request).await?.into_inner(), token })
    }

    /// The next message that is no heartbeat.
    async fn next(&mut self) -> Result<What, Status> {
        loop {
            match self.any().await? {
                What::Heartbeat(_) => {}
                other => return Ok(other),
            }
        }
    }

    async fn any(&mut self) -> Result<What, Status> {
        let message = timeout(PATIENCE, self.stream.message()).await.expect("a message comes").transpose().expect("it goes on")?;
        assert!(!message.resume_token.is_empty() && message.resume_token.len() < 200);
        self.token = message.resume_token;
        Ok(message.what.expect("something is told"))
    }

    async fn change(&mut self) -> pb::ChatChange {
        match self.next().await.unwrap() {
            What::Changed(change) => change,
            other => panic!("{other:?}"),
        }
    }

    async fn caught_up(mut self) -> Watching {
        let what = self.next().await.unwrap();
        assert!(matches!(what, What::CaughtUp(_)), "{what:?}");
        self
    }

    /// How it ends.
    async fn end(mut self) -> (Status, String) {
        loop {
            match self.any().await {
                Ok(_) => {}
                Err(status) => return (status, self.token),
            }
        }
    }
}

impl Desk {
    async fn watch(&self, request: pb::WatchRequest) -> Watching {
        Watching::open(&self.channel, request, None).await.unwrap()
    }

    async fn watch_all(&self) -> Watching {
        self.watch(pb::WatchRequest::default()).await.caught_up().await
    }
}

fn of_chat(chat_id: &str) -> pb::WatchRequest {
    pb::WatchRequest { chat_id: chat_id.into(), ..Default::default() }
}

fn resumed(resume_token: &str) -> pb::WatchRequest {
    pb::WatchRequest { resume_token: resume_token.into(), ..Default::default() }
}

async fn append(channel: &Channel, chat_id: &str, events: Vec<pb::Event>) {
    let request = pb::AppendEventsRequest { chat_id: chat_id.into(), events };
    ChatServiceClient::new(channel.clone()).append_events(request).await.unwrap();
}

/// 31 KB that the archive does not search.
fn long_note(event_id: &str) -> pb::Event {
    event(event_id, Body::Note(pb::Note { text: "Parcel ".repeat(4500), ..Default::default() }))
}

/// The sequences of each chat in the order in which they were told.
#[derive(Default)]
struct Seen(BTreeMap<String, Vec<i64>>);

impl Seen {
    fn add(&mut self, change: &pb::ChatChange) {
        let chat = change.chat.as_ref().unwrap();
        assert!(change.events.iter().all(|event| event.sequence <= chat.last_sequence), "the state is as new as the events");
        let told = self.0.entry(chat.chat_id.clone()).or_default();
        told.extend(change.events.iter().map(|event| event.sequence));
    }

    fn count(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Each event once and in order.
    #[track_caller]
    fn is_whole(&self) {
        for (chat, told) in &self.0 {
            assert!(told.iter().copied().eq(1..=told.len() as i64), "{chat}: {told:?}");
        }
    }
}

const WRITERS: usize = 8;
const CHATS: usize = 5;
const EACH: usize = 30;

/// Appends to the same chats from many callers at once, at each of the servers.
async fn append_at_once(channels: &[&Channel]) {
    let writer = |writer: usize| async move {
        for number in 0..EACH {
            let events = vec![customer_says(&format!("{writer}-{number}"), "Where is my parcel?")];
            append(channels[writer % channels.len()], &format!("chat-{}", (writer + number) % CHATS), events).await;
        }
    };
    join_all((0..WRITERS).map(writer)).await;
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
