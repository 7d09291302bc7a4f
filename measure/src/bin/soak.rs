//! A soak: mixed load with faults for an hour; memory, handles and tasks must be flat.
//!
//!     cargo build --release && cargo run --release -p deskhand-measure --bin soak -- [MINUTES]
//!
//! One server on SQLite, 16 callers: appends, drafts by a paced model, suggestions, searches, documents put and deleted, erasures. Some callers
//! leave in the middle of an answer or break their connection, and every other minute the model refuses everything. Ends with 1 if something
//! grew: a table's last third over its second by more than a tenth.

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use deskhand::api::pb::{
    self, chat_service_client::ChatServiceClient, event::Body, knowledge_service_client::KnowledgeServiceClient,
    reply_service_client::ReplyServiceClient,
};
use deskhand_measure::{Draws, articles::Vocabulary, paced_model::paced_model, served::Served};
use tokio::{net::TcpListener, time::sleep};
use tonic::transport::{Channel, Endpoint};

const CALLERS: usize = 16;
const DEFAULT_MINUTES: u64 = 60;
/// Chats that are written to; the oldest are forgotten by erasures.
const CHATS: usize = 400;
const DOCUMENTS: usize = 500;
/// How much more the last third may have than the second.
const GROWTH: f64 = 1.1;
const WATCHED: [&str; 4] = ["process_resident_memory_bytes", "process_open_fds", "process_threads", "deskhand_tasks"];

#[tokio::main]
async fn main() -> ExitCode {
    let minutes = std::env::args().nth(1).map_or(DEFAULT_MINUTES, |minutes| minutes.parse().expect("a number of minutes"));
    let model = paced_model(Duration::from_millis(50), Duration::from_millis(5), 40, |_| {}).await;
    let refuses = Arc::new(AtomicBool::new(false));
    let front = faulty_front(model, Arc::clone(&refuses)).await;
    let folder = tempfile::tempdir().expect("a folder");
    let base_url = format!("http://{front}/v1");
    let server = Arc::new(Served::start(&folder.path().join("data"), &[("OPENAI_BASE_URL", &base_url), ("DESKHAND_MODEL", "paced")]));
    server.ready().await;
    let vocabulary = Arc::new(Vocabulary::of_sample_shop());
    let articles = (0..DOCUMENTS).map(|number| vocabulary.article(number)).collect();
    knowledge(&server.channel).put_articles(pb::PutArticlesRequest { articles }).await.expect("they are put");

    let (calls, failed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let until = Instant::now() + Duration::from_secs(60 * minutes);
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (server, vocabulary, calls, failed) =
                (Arc::clone(&server), Arc::clone(&vocabulary), Arc::clone(&calls), Arc::clone(&failed));
            tokio::spawn(async move {
                let mut draws = Draws(caller as u64);
                while Instant::now() < until {
                    // A connection of its own now and then, which is broken at the end.
                    let own = (draws.below(20) == 0)
                        .then(|| Endpoint::from_shared(format!("http://{}", server.address)).expect("an address").connect_lazy());
                    let channel = own.as_ref().unwrap_or(&server.channel);
                    let done = call(channel, &vocabulary, &mut draws).await;
                    calls.fetch_add(1, Ordering::Relaxed);
                    failed.fetch_add(u64::from(done.is_err()), Ordering::Relaxed);
                }
            })
        })
        .collect();

    println!("| minute | calls | failed | memory, MB | files | threads | tasks |\n| --- | --- | --- | --- | --- | --- | --- |");
    let mut rows: Vec<[f64; 4]> = Vec::new();
    for minute in 1..=minutes {
        refuses.store(minute % 2 == 0, Ordering::Relaxed);
        sleep(until.saturating_duration_since(Instant::now()).min(Duration::from_secs(60))).await;
        let mut row = [0.0; 4];
        for (value, name) in row.iter_mut().zip(WATCHED) {
            *value = server.metric(name).await;
        }
        let [memory, files, threads, tasks] = row;
        let (calls, failed) = (calls.load(Ordering::Relaxed), failed.load(Ordering::Relaxed));
        println!("| {minute} | {calls} | {failed} | {:.0} | {files} | {threads} | {tasks} |", memory / 1e6);
        rows.push(row);
    }
    for caller in callers {
        caller.await.expect("a caller does not panic");
    }
    let third = rows.len() / 3;
    if third == 0 {
        println!("fewer than three minutes tell nothing of growth");
        return ExitCode::SUCCESS;
    }
    let median = |rows: &[[f64; 4]], which: usize| {
        let mut values: Vec<f64> = rows.iter().map(|row| row[which]).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let growth: Vec<f64> =
        (0..4).map(|which| median(&rows[2 * third..], which) / median(&rows[third..2 * third], which).max(1.0)).collect();
    println!(
        "\nlast third over the second: memory {:.2}, files {:.2}, threads {:.2}, tasks {:.2}",
        growth[0], growth[1], growth[2], growth[3]
    );
    if growth.iter().all(|growth| *growth <= GROWTH) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn knowledge(channel: &Channel) -> KnowledgeServiceClient<Channel> {
    KnowledgeServiceClient::new(channel.clone())
}

/// One call of the mix.
async fn call(channel: &Channel, vocabulary: &Vocabulary, draws: &mut Draws) -> Result<(), tonic::Status> {
    let chat_id = format!("chat-{}", draws.below(CHATS));
    let (mut chats, mut replies) = (ChatServiceClient::new(channel.clone()), ReplyServiceClient::new(channel.clone()));
    let said = |draws: &mut Draws| {
        let customer = pb::Customer { customer_id: format!("customer of {chat_id}"), ..pb::Customer::default() };
        let message = pb::Message { author: pb::Author::Customer.into(), text: vocabulary.sentence(draws, 12), ..pb::Message::default() };
        let event = |body| pb::Event { event_id: format!("{:x}", draws.draw()), body: Some(body), ..pb::Event::default() };
        [Body::Customer(customer), Body::Message(message)].map(event).to_vec()
    };
    match draws.below(20) {
        0..=8 => {
            let events = said(draws);
            chats.append_events(pb::AppendEventsRequest { chat_id, events }).await?;
        }
        9..=11 => {
            let leaves = draws.below(4) == 0;
            let events = said(draws);
            let request = pb::DraftReplyRequest { chat_id, events, ..pb::DraftReplyRequest::default() };
            let mut answer = replies.draft_reply(request).await?.into_inner();
            while answer.message().await?.is_some() {
                if leaves {
                    break;
                }
            }
        }
        12..=13 => {
            let events = said(draws);
            let request = pb::SuggestAnswersRequest { chat_id, events, ..pb::SuggestAnswersRequest::default() };
            replies.suggest_answers(request).await?;
        }
        14..=17 => {
            let request = pb::SearchRequest {
                query: vocabulary.query(draws.below(DOCUMENTS)),
                language: "en".into(),
                ..pb::SearchRequest::default()
            };
            knowledge(channel).search(request).await?;
        }
        18 => {
            let article = vocabulary.article(draws.below(DOCUMENTS));
            let delete = pb::DeleteArticlesRequest { ids: vec![article.id.clone()], ..pb::DeleteArticlesRequest::default() };
            knowledge(channel).delete_articles(delete).await?;
            knowledge(channel).put_articles(pb::PutArticlesRequest { articles: vec![article] }).await?;
        }
        _ => {
            chats.erase_customer(pb::EraseCustomerRequest { customer_id: format!("customer of {chat_id}") }).await?;
        }
    }
    Ok(())
}

/// Passes connections on to a model, or closes them while it is to refuse.
async fn faulty_front(model: std::net::SocketAddr, refuses: Arc<AtomicBool>) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("a bound listener");
    tokio::spawn(async move {
        loop {
            let Ok((mut caller, _)) = listener.accept().await else { return };
            if refuses.load(Ordering::Relaxed) {
                continue;
            }
            tokio::spawn(async move {
                if let Ok(mut model) = tokio::net::TcpStream::connect(model).await {
                    let _ = tokio::io::copy_bidirectional(&mut caller, &mut model).await;
                }
            });
        }
    });
    address
}
