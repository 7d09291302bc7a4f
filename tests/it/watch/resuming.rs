//! Order, completeness, resuming, several servers.

use std::time::Duration;

use deskhand::api::pb::{self, chat_service_client::ChatServiceClient, event::Body, watch_response::What};
use tonic::{Code, transport::Channel};

use super::{EACH, OPENING, Seen, WRITERS, Watching, append, append_at_once, long_note, of_chat, resumed, sha256};
use crate::support::{
    desk::{Desk, Kept, customer_says, event, refused, refused_fields},
    postgres::{Postgres, execute},
};

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
