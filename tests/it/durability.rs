//! Acknowledged writes persist: after kills, when writes and syncs fail, when the disk is full, when the index is damaged.

use std::{collections::BTreeMap, fs, io::Write, path::Path, process::Command, time::Duration};

use deskhand::api::pb::{self, chat_service_client::ChatServiceClient};
use tokio::{sync::mpsc, task::JoinSet};
use tonic::transport::Channel;

use crate::support::{
    desk::{Desk, Opening, customer_says, eventually},
    process::Process,
};

/// How often a server is killed: 25 times, or as `DESKHAND_TEST_KILLS` says.
fn kills() -> u64 {
    std::env::var("DESKHAND_TEST_KILLS").map_or(25, |kills| kills.parse().expect("DESKHAND_TEST_KILLS is a number"))
}

/// Numbers that look drawn at random and are the same in each run (SplitMix64).
fn draw(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

pub async fn append(chats: &mut ChatServiceClient<Channel>, chat_id: &str, number: usize) -> Result<i64, tonic::Status> {
    let events = vec![customer_says(&format!("e{number}"), &format!("text {number}"))];
    let reply = chats.append_events(pb::AppendEventsRequest { chat_id: chat_id.into(), events }).await?;
    Ok(reply.into_inner().last_sequence)
}

/// Every event that was acknowledged is there once, in order, and what came before an acknowledged one too.
pub fn check_events(events: &[pb::Event], acknowledged: usize) {
    let sequences: Vec<i64> = events.iter().map(|event| event.sequence).collect();
    assert!(events.len() >= acknowledged, "{acknowledged} were acknowledged, {} are there", events.len());
    assert_eq!(sequences, (1..=events.len() as i64).collect::<Vec<i64>>());
    let ids: Vec<&str> = events.iter().map(|event| event.event_id.as_str()).collect();
    assert_eq!(ids, (0..events.len()).map(|number| format!("e{number}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn acknowledged_writes_survive_kills_under_load() {
    const WRITERS: usize = 8;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let database_url = if crate::support::postgres::wanted() { Some(crate::support::postgres::new_database().await) } else { None };
    let mut last: BTreeMap<String, usize> = BTreeMap::new();
    for round in 0..kills() {
        let mut process = Process::start(&data, database_url.as_deref()).await;
        assert!(process.started_in < Duration::from_secs(5), "it started in {:?}", process.started_in);
        // What the last round left, and now and then everything.
        for (chat_id, acknowledged) in &last {
            if round % 25 == 0 || chat_id.starts_with(&format!("{}-", round - 1)) {
                check_events(&process.events(chat_id).await, *acknowledged);
            }
        }
        if round > 0 {
            let search = pb::SearchRequest { query: format!("survivor{}", round - 1), language: "en".into(), ..Default::default() };
            assert_eq!(process.knowledge().search(search).await.unwrap().into_inner().total, 1, "the index is caught up");
        }
        let title = format!("survivor{round}");
        let article = pb::Article { id: title.clone(), language: "en".into(), title, body: "Text".into(), ..Default::default() };
        process.knowledge().put_articles(pb::PutArticlesRequest { articles: vec![article] }).await.unwrap();

        let (acknowledge, mut acknowledged) = mpsc::unbounded_channel();
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let (mut chats, acknowledge) = (process.chats(), acknowledge.clone());
            let chat_id = format!("{round}-{writer}");
            writers.spawn(async move {
                for number in 0.. {
                    match append(&mut chats, &chat_id, number).await {
                        Ok(_) => acknowledge.send((chat_id.clone(), number + 1)).unwrap(),
                        Err(_) => return,
                    }
                }
            });
        }
        drop(acknowledge);
        for _ in 0..1 + draw(round) % 400 {
            let (chat_id, count) = acknowledged.recv().await.unwrap();
            last.insert(chat_id, count);
        }
        process.kill();
        while let Some((chat_id, count)) = acknowledged.recv().await {
            last.insert(chat_id, count);
        }
        writers.join_all().await;
    }
    let process = Process::start(&data, database_url.as_deref()).await;
    for (chat_id, acknowledged) in &last {
        check_events(&process.events(chat_id).await, *acknowledged);
    }
    drop(process);
    if database_url.is_none() {
        assert!(is_whole(&data), "the database is whole");
    }
}

/// Whether the database passes its own check: a backup of it is made, which is checked.
fn is_whole(data: &Path) -> bool {
    let backup = data.with_extension("backup");
    let mut command = Command::new(env!("CARGO_BIN_EXE_deskhand"));
    let done = command.arg("backup").arg(&backup).arg("--data").arg(data).current_dir(data.parent().unwrap()).output().unwrap();
    let _ = fs::remove_file(backup);
    done.status.success()
}

#[tokio::test]
async fn replicas_share_one_log() {
    if !crate::support::postgres::wanted() {
        return;
    }
    let url = crate::support::postgres::new_database().await;
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [one, other] = &folders;
    let replicas =
        [Process::start(&one.path().join("data"), Some(&url)).await, Process::start(&other.path().join("data"), Some(&url)).await];
    let customer = pb::Customer { customer_id: "customer-9".into(), ..pb::Customer::default() };
    let mut callers = JoinSet::new();
    for caller in 0..16 {
        let mut chats = replicas[caller % 2].chats();
        let customer = customer.clone();
        callers.spawn(async move {
            for number in 0..40 {
                // Both replicas get everything; each takes what the other has not.
                let id = format!("e{}-{number}", caller / 2);
                let chat_id = format!("c{}", number % 5);
                let events = vec![
                    customer_says(&id, "the same words"),
                    crate::support::desk::event(&format!("{id}-c"), pb::event::Body::Customer(customer.clone())),
                ];
                chats.append_events(pb::AppendEventsRequest { chat_id, events }).await.unwrap();
                if number % 20 == 19 && caller < 2 {
                    let request = pb::EraseCustomerRequest { customer_id: "customer-9".into() };
                    chats.erase_customer(request).await.unwrap();
                }
            }
        });
    }
    callers.join_all().await;
    for chat_id in ["c0", "c1", "c2", "c3", "c4"] {
        let events = replicas[0].events(chat_id).await;
        assert_eq!(events, replicas[1].events(chat_id).await);
        let sequences: Vec<i64> = events.iter().map(|event| event.sequence).collect();
        assert_eq!(sequences, (1..=events.len() as i64).collect::<Vec<i64>>(), "{chat_id}");
        let ids: std::collections::BTreeSet<&str> = events.iter().map(|event| event.event_id.as_str()).collect();
        assert_eq!(ids.len(), events.len(), "{chat_id}");
    }
}

#[tokio::test]
async fn a_damaged_index_is_rebuilt_with_the_same_answers() {
    let mut desk = Desk::empty().await;
    for number in 0..3 {
        let articles = (0..20).map(|article| pb::Article {
            id: format!("a{number}-{article}"),
            language: "en".into(),
            title: format!("Towels {article}"),
            body: format!("How to wash the towels of kind {number}-{article} and dry them."),
            ..pb::Article::default()
        });
        desk.knowledge.put_articles(pb::PutArticlesRequest { articles: articles.collect() }).await.unwrap();
    }
    let answers = async |desk: &mut Desk| {
        let mut answers = Vec::new();
        for query in ["towels", "wash kind 2", "dry them 17"] {
            // All of them: which of two that are alike comes first is not said.
            let request = pb::SearchRequest { query: query.into(), language: "en".into(), limit: 100, ..pb::SearchRequest::default() };
            let reply = desk.knowledge.search(request).await.unwrap().into_inner();
            let mut hits: Vec<(String, f64)> = reply.hits.into_iter().map(|hit| (hit.id, hit.score)).collect();
            hits.sort_by(|one, other| one.0.cmp(&other.0));
            answers.push((reply.total, hits));
        }
        answers
    };
    let before = answers(&mut desk).await;
    let mut kept = desk.close_and_keep().await;
    let root = kept.path().join("data/index/default");
    let index = || {
        let mut folders = fs::read_dir(&root).unwrap().map(|folder| folder.unwrap().path());
        let index = folders.next().unwrap();
        assert!(folders.next().is_none(), "what was damaged is not left behind");
        index
    };
    let mut names: Vec<String> = fs::read_dir(index()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    // One file of each kind is enough: segments are alike.
    names.dedup_by_key(|name| name.rsplit('.').next().unwrap_or_default().to_owned());
    for (round, name) in names.iter().enumerate() {
        for damage in ["deleted", "cut", "flipped", "empty"] {
            // The names change whenever the index is made anew.
            let ending = name.rsplit('.').next().unwrap();
            let file =
                fs::read_dir(index()).unwrap().map(|file| file.unwrap().path()).find(|file| file.to_string_lossy().ends_with(ending));
            let Some(file) = file else { continue };
            let mut bytes = fs::read(&file).unwrap();
            match damage {
                "deleted" => fs::remove_file(&file).unwrap(),
                "cut" => fs::write(&file, &bytes[..bytes.len() / 2]).unwrap(),
                "flipped" if bytes.is_empty() => continue,
                "flipped" => {
                    let at = draw(round as u64) as usize % bytes.len();
                    bytes[at] ^= 1 << (round % 8);
                    fs::write(&file, bytes).unwrap();
                }
                _ => fs::write(&file, b"").unwrap(),
            }
            let mut desk = Opening { with_model: false, with_shop: false, change: |_| {} }.open_in(kept).await;
            assert_eq!(answers(&mut desk).await, before, "{} was {damage}", file.display());
            kept = desk.close_and_keep().await;
        }
    }
}

#[tokio::test]
async fn an_index_damaged_while_it_is_searched_is_rebuilt() {
    let mut desk = Desk::empty().await;
    let article = |number: usize| pb::Article {
        id: format!("a{number}"),
        language: "en".into(),
        title: format!("Towel {number}"),
        body: "How to wash it.".into(),
        ..pb::Article::default()
    };
    desk.knowledge.put_articles(pb::PutArticlesRequest { articles: (0..50).map(article).collect() }).await.unwrap();
    let finds = async |desk: &Desk| {
        let request = pb::SearchRequest { query: "towl 17".into(), language: "en".into(), ..pb::SearchRequest::default() };
        let reply = desk.knowledge.clone().search(request).await;
        reply.is_ok_and(|reply| reply.get_ref().hits.first().is_some_and(|first| first.id == "a17"))
    };
    assert!(finds(&desk).await);
    let root = desk.folder.path().join("data/index/default");
    for (number, kind) in [(50, "idx"), (51, "store")] {
        let index = fs::read_dir(&root).unwrap().next().unwrap().unwrap().path();
        let files = fs::read_dir(&index).unwrap().map(|file| file.unwrap().path());
        for file in files.filter(|file| file.extension().is_some_and(|ending| ending == kind)) {
            // In its place, as a disk does it: what is mapped into memory changes, too.
            let length = fs::metadata(&file).unwrap().len() as usize;
            fs::OpenOptions::new().write(true).open(&file).unwrap().write_all(&vec![0xff; length]).unwrap();
        }
        // What was read before is not at hand any more once something new is.
        desk.knowledge.put_articles(pb::PutArticlesRequest { articles: vec![article(number)] }).await.unwrap();
        eventually("it is made anew", async || finds(&desk).await && !index.exists()).await;
    }
    assert_eq!(desk.search("towel 50", "en").await.hits[0].id, "a50", "it goes on");
    desk.close().await;
}

#[tokio::test]
async fn an_older_index_is_searched_while_a_new_one_is_built_beside_it() {
    let mut desk = Desk::empty().await;
    let article = |number: usize| pb::Article {
        id: format!("a{number}"),
        language: "en".into(),
        title: format!("Towel {number}"),
        body: "How to wash it.".into(),
        ..pb::Article::default()
    };
    desk.knowledge.put_articles(pb::PutArticlesRequest { articles: (0..500).map(article).collect() }).await.unwrap();
    let kept = desk.close_and_keep().await;
    let root = kept.path().join("data/index/default");
    let meta = root.join("1/meta.json");
    let text = fs::read_to_string(&meta).unwrap();
    // Versions before this one wrote no checksum into it.
    let (text, _) = text.split_once("seal ").unwrap();
    let older = text.replace("\"payload\": \"", "\"payload\": \"0").replace("\"payload\":\"", "\"payload\":\"0");
    assert_ne!(text, older);
    fs::write(&meta, older).unwrap();

    let mut desk = Opening { with_model: false, with_shop: false, change: |_| {} }.open_in(kept).await;
    assert_eq!(desk.search("towel 17", "en").await.hits[0].id, "a17", "it is searched at once");
    desk.knowledge.put_articles(pb::PutArticlesRequest { articles: vec![article(500)] }).await.unwrap();
    assert_eq!(desk.search("towel 500", "en").await.hits[0].id, "a500");
    assert_eq!(desk.search("towel 17", "en").await.hits[0].id, "a17");
    let folders = || fs::read_dir(&root).unwrap().map(|folder| folder.unwrap().file_name()).collect::<Vec<_>>();
    eventually("the older one is removed", async || folders() == ["2"]).await;
    desk.close().await;
}
