//! Search and suggestions over knowledge bases of several sizes: indexing, restart, size and memory, `Search` against the same query in
//! process, `SuggestAnswers` on a chat of 200 messages, `CheckDocuments`, and how soon an article that was put can be found.
//!
//!     cargo run --release -p deskhand-measure --bin search -- [ARTICLES ARTICLES …]
//!
//! Without numbers 1,000, 10,000, 20,000 and 100,000 articles, about ten minutes.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use deskhand::{
    api::pb::{
        self, chat_service_client::ChatServiceClient, knowledge_service_client::KnowledgeServiceClient,
        reply_service_client::ReplyServiceClient,
    },
    config::Config,
    ids::Workspace,
    knowledge::{Knowledge, KnowledgeBases, Reader, Search},
    server::Server,
    spelling::Dictionaries,
    store::Store,
    text::Language,
};
use deskhand_measure::articles::Vocabulary;
use deskhand_measure::{Draws, percentile, resident_megabytes};
use tonic::transport::{Channel, Endpoint};

const ROUNDS: usize = 5;
const CALLS_A_ROUND: usize = 200;
const CALLERS: usize = 16;
const BATCH: usize = 1000;
const MESSAGES: usize = 200;
const PUTS: usize = 100;
const CHECKS: usize = 100;

#[tokio::main]
async fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![1_000, 10_000, 20_000, 100_000] } else { sizes };
    let vocabulary = Vocabulary::of_sample_shop();
    for articles in sizes {
        measure(&vocabulary, articles).await;
    }
}

async fn measure(vocabulary: &Vocabulary, articles: usize) {
    println!("{articles} articles");
    let (served, copied) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let start = || async {
        let config =
            Config { listen: ([127, 0, 0, 1], 0).into(), data: served.path().to_owned(), knowledge_base: None, ..Config::default() };
        let began = Instant::now();
        let server = Server::start(config).await.expect("the server starts");
        (server, began.elapsed().as_secs_f64())
    };
    let (server, _) = start().await;
    let before = resident_megabytes();
    let mut client = KnowledgeServiceClient::new(connect(&server).await);
    let began = Instant::now();
    for from in (0..articles).step_by(BATCH) {
        let articles = (from..(from + BATCH).min(articles)).map(|number| vocabulary.article(number)).collect();
        client.put_articles(pb::PutArticlesRequest { articles }).await.expect("they are taken");
    }
    let last = pb::Article { title: "glockenspiel".to_owned(), ..vocabulary.article(articles) };
    client.put_articles(pb::PutArticlesRequest { articles: vec![last] }).await.expect("it is taken");
    println!("  put, {BATCH} a call            {:>9.2} s", began.elapsed().as_secs_f64());
    drop(client);
    server.stop().await;
    fs::remove_dir_all(served.path().join("index")).expect("there is an index");
    let began = Instant::now();
    let (server, _) = start().await;
    // A large index is served before it is complete; its last article is indexed last.
    let mut client = KnowledgeServiceClient::new(connect(&server).await);
    let request = || pb::SearchRequest { query: "glockenspiel".into(), language: "en".into(), ..pb::SearchRequest::default() };
    let last = format!("article-{articles}");
    while client.search(request()).await.expect("it is answered").into_inner().hits.first().is_none_or(|first| first.id != last) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("  indexed from the catalog      {:>9.2} s", began.elapsed().as_secs_f64());
    drop(client);
    server.stop().await;
    let (server, seconds) = start().await;
    println!("  serving after a restart       {seconds:>9.3} s");
    println!("  index                         {:>9} MB", folder_megabytes(&served.path().join("index")));

    let mut puts = Vec::new();
    let mut client = KnowledgeServiceClient::new(connect(&server).await);
    for number in 0..PUTS {
        let article = pb::Article { title: format!("xylophone{number}"), ..vocabulary.article(articles + 1 + number) };
        let began = Instant::now();
        client.put_articles(pb::PutArticlesRequest { articles: vec![article] }).await.expect("it is taken");
        let query = format!("xylophone{number}");
        let request = pb::SearchRequest { query, language: "en".into(), ..pb::SearchRequest::default() };
        assert_eq!(client.search(request).await.expect("it is answered").into_inner().total, 1);
        puts.push(began.elapsed());
    }
    println!("  searchable after its put  p50 {:>9.2} ms, p99 {:.2}", percentile(&mut puts, 0.5), percentile(&mut puts, 0.99));
    check(&mut client, vocabulary, articles).await;
    server.stop().await;

    copy(served.path(), copied.path());
    let store = Store::open(&Store::sqlite_url(copied.path())).await.expect("a database");
    let bases =
        KnowledgeBases::start(store, vec![(Workspace::default(), None)], copied.path(), u64::MAX, &Dictionaries::new(copied.path().into()))
            .await
            .expect("a knowledge base");
    let knowledge = bases.of(&Workspace::default()).clone();
    let (server, _) = start().await;
    let mut samples: [Vec<Duration>; 3] = Default::default();
    let mut spent = Duration::ZERO;
    for round in 0..ROUNDS {
        for number in 0..CALLS_A_ROUND {
            let began = Instant::now();
            in_process(&knowledge, vocabulary.query(round * CALLS_A_ROUND + number));
            samples[0].push(began.elapsed());
        }
        samples[1].extend(searches(&server, vocabulary, 1, round).await);
        let began = Instant::now();
        samples[2].extend(searches(&server, vocabulary, CALLERS, round).await);
        spent += began.elapsed();
    }
    let searches = samples[2].len();
    let [inside, one, many] = samples.map(|mut samples| [0.5, 0.99].map(|share| percentile(&mut samples, share)));
    println!("  search in process         p50 {:>9.3} ms, p99 {:.3}", inside[0], inside[1]);
    println!("  Search, 1 caller          p50 {:>9.3} ms, p99 {:.3}; in process times {:.2}", one[0], one[1], one[0] / inside[0]);
    println!(
        "  Search, {CALLERS} callers       p50 {:>9.3} ms, p99 {:.3}; {:.0} a second",
        many[0],
        many[1],
        searches as f64 / spent.as_secs_f64()
    );

    append_chat(&server, vocabulary).await;
    for callers in [1, CALLERS] {
        let mut samples = Vec::new();
        for _ in 0..ROUNDS {
            samples.extend(suggestions(&server, callers).await);
        }
        println!(
            "  SuggestAnswers, {callers:>2} caller(s) p50 {:>8.3} ms, p99 {:.3}",
            percentile(&mut samples, 0.5),
            percentile(&mut samples, 0.99)
        );
    }
    println!(
        "  resident                      {:>9} MB more than before, two copies of it open",
        resident_megabytes().saturating_sub(before)
    );
    server.stop().await;
}

/// Articles as an author is about to put them, each with a link; then all that are stored.
async fn check(client: &mut KnowledgeServiceClient<Channel>, vocabulary: &Vocabulary, articles: usize) {
    let mut checks = Vec::new();
    for number in 0..CHECKS {
        let article = vocabulary.article(number * (articles / CHECKS));
        let body = format!("{}\n\n[more](article-{number}.md)", article.body);
        let request = pb::CheckDocumentsRequest { articles: vec![pb::Article { body, ..article }], ..Default::default() };
        let began = Instant::now();
        let checked = client.check_documents(request).await.expect("it is checked").into_inner();
        checks.push(began.elapsed());
        assert_eq!((checked.documents, checked.errors), (1, 0), "{:?}", checked.findings);
    }
    println!("  CheckDocuments, one       p50 {:>9.2} ms, p99 {:.2}", percentile(&mut checks, 0.5), percentile(&mut checks, 0.99));
    let began = Instant::now();
    let checked = client.check_documents(pb::CheckDocumentsRequest::default()).await.expect("they are checked").into_inner();
    println!("  CheckDocuments, all {:>6}    {:>9.2} s", checked.documents, began.elapsed().as_secs_f64());
}

async fn connect(server: &Server) -> Channel {
    Endpoint::from_shared(format!("http://{}", server.address)).expect("an address").connect().await.expect("it listens")
}

fn in_process(knowledge: &Knowledge, query: String) {
    let search = Search {
        query,
        language: Language::parse("en").expect("a tag"),
        category: String::new(),
        tags: Vec::new(),
        limit: 10,
        offset: 0,
        reader: Reader::agent(String::new(), Vec::new()),
        meaning: None,
    };
    knowledge.search(&search).expect("it is answered");
}

async fn searches(server: &Server, vocabulary: &Vocabulary, callers: usize, round: usize) -> Vec<Duration> {
    let mut running = tokio::task::JoinSet::new();
    for caller in 0..callers {
        let mut client = KnowledgeServiceClient::new(connect(server).await);
        let queries: Vec<String> = (0..CALLS_A_ROUND).map(|number| vocabulary.query((caller + round) * CALLS_A_ROUND + number)).collect();
        running.spawn(async move {
            let mut samples = Vec::new();
            for query in queries {
                let request = pb::SearchRequest { query, language: "en".into(), ..pb::SearchRequest::default() };
                let began = Instant::now();
                client.search(request).await.expect("it is answered");
                samples.push(began.elapsed());
            }
            samples
        });
    }
    running.join_all().await.into_iter().flatten().collect()
}

async fn suggestions(server: &Server, callers: usize) -> Vec<Duration> {
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..callers {
        let mut client = ReplyServiceClient::new(connect(server).await);
        running.spawn(async move {
            let mut samples = Vec::new();
            for _ in 0..CALLS_A_ROUND / 4 {
                let request = pb::SuggestAnswersRequest { chat_id: "bench".into(), ..pb::SuggestAnswersRequest::default() };
                let began = Instant::now();
                client.suggest_answers(request).await.expect("it is answered");
                samples.push(began.elapsed());
            }
            samples
        });
    }
    running.join_all().await.into_iter().flatten().collect()
}

/// A chat of 200 messages, as a busy one is.
async fn append_chat(server: &Server, vocabulary: &Vocabulary) {
    let mut draws = Draws(3);
    let events = (0..MESSAGES)
        .map(|number| pb::Event {
            event_id: format!("e{number}"),
            body: Some(pb::event::Body::Message(pb::Message {
                author: if number.is_multiple_of(2) { pb::Author::Agent } else { pb::Author::Customer }.into(),
                text: vocabulary.sentence(&mut draws, 16),
                language: "en".into(),
                ..pb::Message::default()
            })),
            ..pb::Event::default()
        })
        .collect();
    let request = pb::AppendEventsRequest { chat_id: "bench".into(), events };
    ChatServiceClient::new(connect(server).await).append_events(request).await.expect("the chat is taken");
}

fn folder_megabytes(folder: &Path) -> u64 {
    fn bytes(folder: &Path) -> u64 {
        let entries = fs::read_dir(folder).expect("a folder").flatten();
        entries.map(|entry| if entry.path().is_dir() { bytes(&entry.path()) } else { entry.metadata().map_or(0, |file| file.len()) }).sum()
    }
    bytes(folder) / 1_000_000
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file is copied");
        }
    }
}
