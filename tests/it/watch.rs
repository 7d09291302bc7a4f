//! Watch: order, completeness, resuming, several servers, slow readers, keys, drain, redaction and erasure, Connect JSON, heartbeats.

use std::{collections::BTreeMap, time::Duration};

use deskhand::{
    api::pb::{self, chat_service_client::ChatServiceClient, event::Body, watch_response::What},
    config::{Config, Limits},
    keys::{self, NewKey, Scope},
    store::Store,
};
use futures::{StreamExt, future::join_all};
use jiff::{SignedDuration, Timestamp};
use prost::Message;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout};
use tonic::{
    Code, Request, Status, Streaming,
    metadata::MetadataValue,
    transport::{Channel, Endpoint},
};

use crate::{
    keys::{key_for, three_workspaces},
    support::{
        desk::{Desk, Kept, Opening, agent_says, customer_says, event, eventually, refused, refused_fields},
        postgres::{Postgres, execute},
    },
};

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

#[tokio::test]
async fn every_event_is_told_once_and_in_order_while_many_append() {
    let desk = Desk::empty().await;
    let mut all = desk.watch_all().await;
    append(&desk.channel, "chat-0", vec![customer_says("first", "Hello")]).await;
    let mut one = desk.watch(of_chat("chat-0")).await;
    let read = async {
        let (mut of_all, mut of_one) = (Seen::default(), Seen::default());
        while of_all.count() < WRITERS * EACH + 1 {
            of_all.add(&all.change().await);
        }
        let in_one = of_all.0["chat-0"].len();
        while of_one.count() < in_one {
            if let What::Changed(change) = one.next().await.unwrap() {
                of_one.add(&change);
            }
        }
        (of_all, of_one)
    };
    let channels = [&desk.channel];
    let (_, (of_all, of_one)) = tokio::join!(append_at_once(&channels), read);
    of_all.is_whole();
    of_one.is_whole();
    assert_eq!(of_one.0.len(), 1, "other chats are not told");
    desk.close().await;
}

/// Reads with a cut after every few messages, until so many events came.
async fn read_with_cuts(channels: &[&Channel], request: pb::WatchRequest, events: usize) -> Seen {
    let (mut seen, mut token, mut cuts) = (Seen::default(), request.resume_token.clone(), 0);
    while seen.count() < events {
        let request = pb::WatchRequest { resume_token: token.clone(), ..request.clone() };
        let mut watching = Watching::open(channels[cuts % channels.len()], request, None).await.unwrap();
        for _ in 0..1 + cuts % 7 {
            if seen.count() == events {
                break;
            }
            match watching.any().await.unwrap() {
                What::Changed(change) => seen.add(&change),
                What::CaughtUp(_) | What::Heartbeat(_) => {}
                What::Erased(erased) => panic!("{erased:?}"),
            }
        }
        token = watching.token;
        cuts += 1;
    }
    assert!(cuts > 3, "{cuts}");
    seen
}

#[tokio::test]
async fn after_a_cut_it_goes_on_without_loss_or_repetition() {
    let desk = OPENING.open_set(|config| config.limits.watch_heartbeat = Duration::from_millis(20)).await;
    let begin = desk.watch_all().await.token;
    // A call whose events don't fit into one message is told in parts, and resumed between them.
    let large: Vec<pb::Event> = (0..90).map(|number| long_note(&format!("large-{number}"))).collect();
    append(&desk.channel, "large", large).await;
    let channels = [&desk.channel];
    let (_, seen) = tokio::join!(append_at_once(&channels), read_with_cuts(&channels, resumed(&begin), WRITERS * EACH + 90));
    seen.is_whole();
    assert_eq!(seen.0["large"].len(), 90);
    let one = read_with_cuts(&[&desk.channel], of_chat("large"), 90).await;
    one.is_whole();
    // After another start of the server, too.
    let desk = OPENING.open_in(desk.close_and_keep().await).await;
    let mut watching = desk.watch(resumed(&begin)).await;
    let mut seen = Seen::default();
    while seen.count() < WRITERS * EACH + 90 {
        seen.add(&watching.change().await);
    }
    seen.is_whole();
    watching.caught_up().await;
    desk.close().await;
}

#[tokio::test]
async fn of_two_servers_each_tells_what_the_other_appends() {
    let postgres = Postgres::start();
    let open = async || OPENING.open_with(Kept::new(tempfile::tempdir().unwrap(), Some(postgres.url("postgres"))), |_| {}).await;
    let (first, second) = (open().await, open().await);
    let channels = [&first.channel, &second.channel];
    let (begin, mut of_second) = (first.watch_all().await.token, second.watch_all().await);
    let read = async {
        let mut seen = Seen::default();
        while seen.count() < WRITERS * EACH {
            seen.add(&of_second.change().await);
        }
        seen
    };
    let (_, seen, cut) = tokio::join!(append_at_once(&channels), read, read_with_cuts(&channels, resumed(&begin), WRITERS * EACH));
    seen.is_whole();
    cut.is_whole();

    // What is erased at one is told at the other.
    let customer = pb::Customer { customer_id: "ayse".into(), ..Default::default() };
    append(&first.channel, "of-ayse", vec![event("c", Body::Customer(customer))]).await;
    of_second.change().await;
    let erase = pb::EraseCustomerRequest { customer_id: "ayse".into() };
    ChatServiceClient::new(first.channel.clone()).erase_customer(erase).await.unwrap();
    let What::Erased(erased) = of_second.next().await.unwrap() else { panic!("it was erased") };
    assert_eq!(erased.chat_id_sha256, sha256("of-ayse"));
    // One that ends without a word leaves its listeners to the other: the token is good there.
    let token = of_second.token.clone();
    append(&first.channel, "chat-0", vec![customer_says("last", "Still there?")]).await;
    second.close().await;
    let mut moved = first.watch(resumed(&token)).await;
    assert_eq!(moved.change().await.events[0].event_id, "last");
    first.close().await;
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn who_reads_too_slowly_ends_and_goes_on_later_and_holds_nobody_up() {
    const CALLS: usize = 24;
    // It is not the time for which it reads nothing that counts here.
    let desk = OPENING.open_set(|config| config.limits.write_timeout = Duration::from_secs(600)).await;
    let endpoint = Endpoint::from_shared(format!("http://{}", desk.address())).unwrap();
    let narrow = endpoint.initial_stream_window_size(64 << 10).initial_connection_window_size(64 << 10).connect().await.unwrap();
    let slow = Watching::open(&narrow, pb::WatchRequest::default(), None).await.unwrap().caught_up().await;
    let mut quick = desk.watch_all().await;
    let (mut seen, begin) = (Seen::default(), slow.token.clone());
    for call in 0..CALLS {
        let events = (0..20).map(|number| long_note(&format!("{call}-{number}"))).collect();
        append(&desk.channel, "chat", events).await;
        seen.add(&quick.change().await);
    }
    assert_eq!(seen.count(), CALLS * 20, "the other one has all at once");
    let (mut slow, mut seen) = (slow, Seen::default());
    let status = loop {
        match slow.next().await {
            Ok(What::Changed(change)) => seen.add(&change),
            Ok(other) => panic!("{other:?}"),
            Err(status) => break status,
        }
    };
    refused(&status, Code::ResourceExhausted, "WATCH_TOO_SLOW");
    assert!((1..CALLS * 20).contains(&seen.count()), "{}", seen.count());
    assert_ne!(slow.token, begin);
    let mut again = desk.watch(resumed(&slow.token)).await;
    while seen.count() < CALLS * 20 {
        seen.add(&again.change().await);
    }
    seen.is_whole();
    let metrics = desk.page("/metrics").await;
    assert!(metrics.contains("deskhand_watch_slow_ends_total{database=\"main\"} 1"), "{metrics}");
    assert!(metrics.contains("deskhand_watches{database=\"main\"} 2"), "{metrics}");
    desk.close().await;
}

#[tokio::test]
async fn a_watch_ends_with_its_key() {
    let desk = three_workspaces().await;
    let key = desk.make_key(key_for("default", &[Scope::Agent])).await;
    let watching = Watching::open(&desk.channel, pb::WatchRequest::default(), Some(&key)).await.unwrap().caught_up().await;
    let minted = mint(&desk, &key, &[]).await;
    let of_agent = Watching::open(&desk.channel, pb::WatchRequest::default(), Some(&minted)).await.unwrap().caught_up().await;
    let store = Store::open(&desk.database_url()).await.unwrap();
    assert!(keys::revoke(&store, key.split('_').nth(1).unwrap()).await.unwrap());
    for watching in [watching, of_agent] {
        refused(&watching.end().await.0, Code::Unauthenticated, "KEY_UNKNOWN");
    }
    let new: NewKey = key_for("default", &[Scope::Agent]);
    let until = Timestamp::now() + SignedDuration::from_secs(3);
    let (_, ending) = keys::create_until(&store, new, Some(until)).await.unwrap();
    store.close().await;
    let watching = Watching::open(&desk.channel, pb::WatchRequest::default(), Some(&ending)).await.unwrap().caught_up().await;
    refused(&watching.end().await.0, Code::Unauthenticated, "KEY_EXPIRED");
    desk.close().await;
}

async fn mint(desk: &Desk, parent: &str, chat_ids: &[&str]) -> String {
    let request = pb::MintAgentKeyRequest {
        agent_id: "agent-selin".into(),
        name: "Selin".into(),
        groups: vec!["orders".into()],
        chat_ids: chat_ids.iter().map(|id| (*id).to_owned()).collect(),
        ..Default::default()
    };
    let reply = desk.call("KeyService/MintAgentKey", &request.encode_to_vec(), Some(parent)).await.unwrap();
    pb::MintAgentKeyResponse::decode(reply.as_slice()).unwrap().key
}

fn opened(group: &str) -> pb::Event {
    let channel = pb::Channel::WebChat.into();
    event("o", Body::Opened(pb::Opened { channel, group: group.into(), ..Default::default() }))
}

#[tokio::test]
async fn an_agent_is_told_of_their_chats_and_a_key_for_some_of_those_alone() {
    let desk = three_workspaces().await;
    let console = desk.make_key(key_for("default", &[Scope::Agent])).await;
    let other_workspace = desk.make_key(key_for("rose", &[Scope::Agent])).await;
    let open = async |request: pb::WatchRequest, key: &str| Watching::open(&desk.channel, request, Some(key)).await;
    let (of_selin, of_some) = (mint(&desk, &console, &[]).await, mint(&desk, &console, &["hers", "foreign"]).await);
    let asked = pb::WatchRequest { agent_id: "agent-selin".into(), groups: vec!["orders".into()], ..Default::default() };
    let mut streams = [
        open(asked.clone(), &console).await.unwrap().caught_up().await,
        open(pb::WatchRequest::default(), &of_selin).await.unwrap().caught_up().await,
        // The key's agent counts, not another that the request names.
        open(pb::WatchRequest { agent_id: "agent-mert".into(), ..Default::default() }, &of_selin).await.unwrap().caught_up().await,
    ];
    let mut limited = open(pb::WatchRequest::default(), &of_some).await.unwrap().caught_up().await;
    let mut rose = open(pb::WatchRequest::default(), &other_workspace).await.unwrap().caught_up().await;
    refused(&open(of_chat("teams"), &of_some).await.err().unwrap(), Code::PermissionDenied, "CHAT_NOT_ALLOWED");

    let append = async |chat_id: &str, events: Vec<pb::Event>, key: &str| {
        let request = pb::AppendEventsRequest { chat_id: chat_id.into(), events };
        desk.call("ChatService/AppendEvents", &request.encode_to_vec(), Some(key)).await.unwrap();
    };
    let transfer = |id: &str, to: &str| event(id, Body::Transfer(pb::Transfer { to_agent_id: to.into(), ..Default::default() }));
    append("foreign", vec![opened("returns"), transfer("t", "agent-mert")], &console).await;
    append("hers", vec![opened("returns"), agent_says("a", "Hello")], &console).await;
    append("teams", vec![opened("orders"), transfer("t", "agent-mert")], &console).await;
    append("nobodys", vec![customer_says("c", "Hello")], &console).await;
    append(
        "hers",
        vec![transfer("t", "agent-mert"), event("n", Body::Note(pb::Note { text: "For you.".into(), ..Default::default() }))],
        &console,
    )
    .await;
    append("hers", vec![customer_says("c", "Thanks")], &console).await;
    append("teams", vec![customer_says("last", "Thanks")], &console).await;
    append("in-rose", vec![customer_says("c", "Hello")], &other_workspace).await;
    for stream in &mut streams {
        let mut told = Vec::new();
        while told.last().is_none_or(|(_, last): &(String, String)| last != "last") {
            let change = stream.change().await;
            told.push((change.chat.unwrap().chat_id, change.events.last().unwrap().event_id.clone()));
        }
        let told: Vec<(&str, &str)> = told.iter().map(|(chat, last)| (chat.as_str(), last.as_str())).collect();
        // That it was handed over is told to whom it was taken from; what follows is not.
        assert_eq!(told, [("hers", "a"), ("teams", "t"), ("nobodys", "c"), ("hers", "n"), ("teams", "last")]);
    }
    for expected in ["foreign", "hers", "hers", "hers"] {
        assert_eq!(limited.change().await.chat.unwrap().chat_id, expected);
    }
    assert_eq!(rose.change().await.chat.unwrap().chat_id, "in-rose");
    // A token of one workspace is none in another.
    let status = open(resumed(&rose.token), &console).await.err().unwrap();
    refused_fields(&status, &["resume_token"]);
    desk.close().await;
}

#[tokio::test]
async fn what_was_redacted_or_erased_is_told_and_never_its_text() {
    const SECRET: &str = "4111 1111 1111 1111";
    let desk = Desk::empty().await;
    let (mut all, begin) = {
        let all = desk.watch_all().await;
        let begin = all.token.clone();
        (all, begin)
    };
    let customer = pb::Customer { customer_id: "ayse".into(), name: "Ayşe".into(), ..Default::default() };
    append(&desk.channel, "hers", vec![event("c", Body::Customer(customer)), customer_says("card", SECRET)]).await;
    assert_eq!(all.change().await.events.len(), 2);
    let mut one = desk.watch(of_chat("hers")).await;
    assert_eq!(one.change().await.events.len(), 2);
    let mut one = one.caught_up().await;
    append(&desk.channel, "hers", vec![event("r", Body::Redaction(pb::Redaction { event_id: "card".into() }))]).await;
    for stream in [&mut all, &mut one] {
        let change = stream.change().await;
        assert!(matches!(change.events[0].body, Some(Body::Redaction(_))) && change.events.len() == 1);
        let [redacted] = change.redacted.as_slice() else { panic!("{change:?}") };
        assert!(redacted.redacted && redacted.event_id == "card" && redacted.sequence == 2);
        assert!(!format!("{change:?}").contains(SECRET));
    }
    // Whoever comes later, from before the redaction on, gets what GetChat shows now.
    for request in [resumed(&begin), of_chat("hers")] {
        let mut later = desk.watch(request).await;
        let mut events = Vec::new();
        while events.len() < 3 {
            events.extend(later.change().await.events);
        }
        assert!(events[1].redacted && !format!("{events:?}").contains(SECRET), "{events:?}");
    }
    let before_erasure = one.token.clone();
    ChatServiceClient::new(desk.channel.clone()).erase_customer(pb::EraseCustomerRequest { customer_id: "ayse".into() }).await.unwrap();
    for stream in [&mut all, &mut one] {
        let What::Erased(erased) = stream.next().await.unwrap() else { panic!("it was erased") };
        assert_eq!(erased.chat_id_sha256, sha256("hers"));
    }
    refused(&one.next().await.unwrap_err(), Code::NotFound, "CHAT_NOT_FOUND");
    // The chat's earlier events are gone for those who were away, too.
    let mut later = desk.watch(resumed(&begin)).await;
    assert!(matches!(later.next().await.unwrap(), What::Erased(_)));
    let mut later = later.caught_up().await;
    let mut away = desk.watch(pb::WatchRequest { resume_token: before_erasure, ..of_chat("hers") }).await;
    assert!(matches!(away.next().await.unwrap(), What::Erased(_)));
    // Another chat may begin under the same id.
    append(&desk.channel, "hers", vec![customer_says("new", "Hello")]).await;
    assert_eq!(later.change().await.chat.unwrap().last_sequence, 1);
    desk.close().await;
}

#[tokio::test]
async fn a_server_that_stops_ends_its_watches_at_once() {
    let desk = Desk::empty().await;
    let all = desk.watch_all().await;
    append(&desk.channel, "chat", vec![customer_says("1", "Hello")]).await;
    let began = Instant::now();
    let (kept, (status, token)) = tokio::join!(desk.close_and_keep(), all.end());
    refused(&status, Code::Unavailable, "SERVER_STOPPING");
    assert!(began.elapsed() < Limits::default().drain_timeout, "it does not wait for them: {:?}", began.elapsed());

    // The same at the age of a connection; and what was missed is told after the next start.
    let age = Duration::from_secs(2);
    let desk = OPENING.open_with(kept, |config| config.limits.max_connection_age = age).await;
    append(&desk.channel, "chat", vec![customer_says("2", "Are you there?")]).await;
    let mut again = desk.watch(resumed(&token)).await;
    let mut events = Vec::new();
    while events.last() != Some(&"2".to_owned()) {
        events.extend(again.change().await.events.into_iter().map(|event| event.event_id));
    }
    assert!(events == ["1", "2"] || events == ["2"], "{events:?}");
    refused(&again.end().await.0, Code::Unavailable, "SERVER_STOPPING");
    desk.close().await;
}

#[tokio::test]
async fn heartbeats_come_and_their_tokens_are_good() {
    let interval = Duration::from_millis(30);
    let desk = OPENING.open_set(|config| config.limits.watch_heartbeat = interval).await;
    let mut all = desk.watch_all().await;
    for _ in 0..3 {
        let What::Heartbeat(heartbeat) = all.any().await.unwrap() else { panic!("nothing else happens") };
        assert_eq!(heartbeat.interval_milliseconds, 30);
    }
    append(&desk.channel, "elsewhere", vec![customer_says("1", "Hello")]).await;
    append(&desk.channel, "chat", vec![customer_says("1", "Hello")]).await;
    let mut again = desk.watch(resumed(&all.token)).await;
    assert_eq!(again.change().await.chat.unwrap().chat_id, "elsewhere");
    assert_eq!(again.change().await.chat.unwrap().chat_id, "chat");
    desk.close().await;
}

#[tokio::test]
async fn a_token_that_is_too_old_or_of_another_log_is_refused_with_what_to_do() {
    let desk = Desk::empty().await;
    let begin = desk.watch_all().await.token;
    for number in 0..3 {
        append(&desk.channel, "chat", vec![customer_says(&number.to_string(), "Hello")]).await;
    }
    let mut all = desk.watch(resumed(&begin)).await;
    all.change().await;
    let after_first = all.token.clone();
    drop(all);
    let kept = desk.close_and_keep().await;
    let open = async |kept: Kept, statements: &[&str]| {
        let desk = OPENING.open_in(kept).await;
        let url = desk.database_url();
        if url.starts_with("postgres") {
            execute(&url, statements).await;
        } else {
            use sqlx::{Connection, Executor};
            let mut connection = sqlx::SqliteConnection::connect(url.split('?').next().unwrap()).await.unwrap();
            for statement in statements {
                connection.execute(sqlx::AssertSqlSafe((*statement).to_owned())).await.unwrap();
            }
            connection.close().await.unwrap();
        }
        desk
    };
    let refuses = async |desk: &Desk, token: &str| {
        let status = Watching::open(&desk.channel, resumed(token), None).await.err().unwrap();
        refused(&status, Code::FailedPrecondition, "RESUME_TOO_OLD");
    };
    let desk = open(kept, &["DELETE FROM chat_change WHERE number <= 1"]).await;
    refuses(&desk, &begin).await;
    refuses(&desk, &after_first).await;
    let now = desk.watch_all().await.token;
    desk.watch(resumed(&now)).await.caught_up().await;
    // One chat has its own order.
    assert_eq!(desk.watch(of_chat("chat")).await.change().await.events.len(), 3);
    // As after a backup was restored: other changes got the same numbers.
    let desk =
        open(desk.close_and_keep().await, &["UPDATE chat_change SET at = at + 1", "UPDATE chat_change_counter SET at = at + 1"]).await;
    refuses(&desk, &now).await;

    let invalid = async |request: pb::WatchRequest, fields: &[&str]| {
        refused_fields(&Watching::open(&desk.channel, request, None).await.err().unwrap(), fields);
    };
    invalid(resumed("nonsense"), &["resume_token"]).await;
    invalid(pb::WatchRequest { resume_token: now.clone(), ..of_chat("chat") }, &["resume_token"]).await;
    invalid(pb::WatchRequest { after_sequence: 3, groups: vec!["a".into()], ..Default::default() }, &["after_sequence", "groups"]).await;
    invalid(pb::WatchRequest { agent_id: "a".into(), after_sequence: -1, ..of_chat("chat") }, &["agent_id", "after_sequence"]).await;
    let status = Watching::open(&desk.channel, of_chat("none"), None).await.err().unwrap();
    refused(&status, Code::NotFound, "CHAT_NOT_FOUND");
    desk.close().await;
}

#[tokio::test]
async fn watches_are_limited_and_are_no_other_calls() {
    let limits = |config: &mut Config| (config.limits.max_watches, config.limits.max_calls) = (40, 8);
    let desk = OPENING.open_set(limits).await;
    // More than calls may run at once, by a caller who has half of all.
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(desk.watch_all().await);
    }
    let status = Watching::open(&desk.channel, pb::WatchRequest::default(), None).await.err().unwrap();
    refused(&status, Code::ResourceExhausted, "TOO_MANY_WATCHES");
    append(&desk.channel, "chat", vec![customer_says("1", "Hello")]).await;
    drop(streams);
    let all = || async { Watching::open(&desk.channel, pb::WatchRequest::default(), None).await.is_ok() };
    eventually("places are given back", all).await;
    desk.close().await;
}

#[tokio::test]
async fn more_than_a_connection_may_have_in_flight_is_told_one_after_the_other() {
    let desk = Desk::empty().await;
    let mut all = desk.watch_all().await;
    let mut bytes = 0;
    // An eighth of `max_bytes_in_flight` is 12 MiB.
    for call in 0..16 {
        let events = (0..33).map(|number| long_note(&format!("{call}-{number}"))).collect();
        append(&desk.channel, "chat", events).await;
        bytes += all.change().await.encoded_len();
    }
    assert!(bytes > 14 << 20, "{bytes}");
    desk.close().await;
}

/// A stream of Connect as a page reads it.
struct Envelopes {
    response: reqwest::Response,
    received: Vec<u8>,
}

impl Envelopes {
    async fn next(&mut self) -> (u8, serde_json::Value) {
        loop {
            if let Some((head, rest)) = self.received.split_first_chunk::<5>() {
                let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize;
                if rest.len() >= length {
                    let message = (head[0], serde_json::from_slice(&rest[..length]).unwrap());
                    self.received.drain(..5 + length);
                    return message;
                }
            }
            let more = timeout(PATIENCE, self.response.chunk()).await.expect("it comes at once").unwrap();
            self.received.extend(more.expect("it goes on"));
        }
    }
}

#[tokio::test]
async fn a_page_watches_with_json() {
    let desk = OPENING.open_set(|config| config.limits.watch_heartbeat = Duration::from_millis(300)).await;
    // Only the first one counts.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let open = async |request: serde_json::Value, timeout: Option<&str>| {
        let message = request.to_string();
        let body = [&[0][..], &(message.len() as u32).to_be_bytes(), message.as_bytes()].concat();
        let url = format!("http://{}/deskhand.v1.ChatService/Watch", desk.address());
        let mut request = reqwest::Client::new().post(url).header("content-type", "application/connect+json").body(body);
        request = request.header("accept-encoding", "gzip").header("connect-accept-encoding", "gzip");
        if let Some(timeout) = timeout {
            request = request.header("connect-timeout-ms", timeout);
        }
        let response = request.send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()), (200, "application/connect+json"));
        assert!(response.headers().get("content-encoding").is_none() && response.headers().get("connect-content-encoding").is_none());
        Envelopes { response, received: Vec::new() }
    };
    let mut stream = open(serde_json::json!({}), None).await;
    let (flags, message) = stream.next().await;
    assert!(flags == 0 && message["caughtUp"].is_object(), "{message}");
    append(&desk.channel, "chat", vec![customer_says("1", "Where is my parcel?")]).await;
    let (mut heartbeats, mut token) = (0, String::new());
    loop {
        let (_, message) = stream.next().await;
        if message["heartbeat"].is_object() {
            heartbeats += 1;
            continue;
        }
        assert_eq!(message["changed"]["events"][0]["message"]["text"], "Where is my parcel?");
        assert_eq!(message["changed"]["chat"]["chatId"], "chat");
        token.push_str(message["resumeToken"].as_str().unwrap());
        break;
    }
    assert!(heartbeats < 3, "the change was not held back");
    assert!(stream.next().await.1["heartbeat"]["intervalMilliseconds"] == 300);
    let mut again = open(serde_json::json!({ "resumeToken": token }), Some("700")).await;
    assert!(again.next().await.1["caughtUp"].is_object());
    let end = loop {
        let (flags, message) = again.next().await;
        if flags == 2 {
            break message;
        }
        assert!(message["heartbeat"].is_object());
    };
    assert_eq!(end["error"]["code"], "deadline_exceeded", "the caller's own deadline holds");
    desk.close().await;
}

#[tokio::test]
async fn many_listeners_are_all_told() {
    const LISTENERS: usize = 300;
    let desk = Desk::empty().await;
    let endpoint = Endpoint::from_shared(format!("http://{}", desk.address())).unwrap();
    let channels: Vec<Channel> = futures::stream::iter(0..4).then(|_| endpoint.connect()).map(Result::unwrap).collect().await;
    let open = |number: usize| {
        let request = pb::WatchRequest { agent_id: format!("agent-{number}"), ..Default::default() };
        let channel = &channels[number % channels.len()];
        async move { Watching::open(channel, request, None).await.unwrap().caught_up().await }
    };
    // While they open they are calls, of which one address without a key may make 256 at once.
    let mut streams: Vec<Watching> = futures::stream::iter((0..LISTENERS).map(open)).buffered(100).collect().await;
    for number in 0..LISTENERS {
        let transfer = pb::Transfer { to_agent_id: format!("agent-{number}"), ..Default::default() };
        append(&desk.channel, &format!("chat-{number}"), vec![event("t", Body::Transfer(transfer))]).await;
    }
    for (number, stream) in streams.iter_mut().enumerate() {
        assert_eq!(stream.change().await.chat.unwrap().chat_id, format!("chat-{number}"));
    }
    assert!(desk.page("/metrics").await.contains(&format!("deskhand_watch_changes_total{{database=\"main\"}} {LISTENERS}")));
    desk.close().await;
}
