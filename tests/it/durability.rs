//! What was acknowledged is there: after kills, when writes and syncs fail, when the disk is full, when the index is damaged.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use deskhand::api::pb::{self, chat_service_client::ChatServiceClient};
use tokio::{sync::mpsc, task::JoinSet};
use tonic::{Code, transport::Channel};

use crate::{
    desk::{Desk, Kept, Opening, customer_says, eventually, refused},
    process::Process,
};

/// How often a server is killed: 25 times, or as `DESKHAND_TEST_KILLS` says.
fn kills() -> u64 {
    std::env::var("DESKHAND_TEST_KILLS").map_or(25, |kills| kills.parse().expect("DESKHAND_TEST_KILLS is a number"))
}

/// Which of the first 200 writes and syncs fail, one in each run: each tenth, or each with `DESKHAND_TEST_ALL_FAULTS`.
fn faults() -> impl Iterator<Item = usize> {
    let step = if std::env::var_os("DESKHAND_TEST_ALL_FAULTS").is_some() { 1 } else { 10 };
    (1..=200).step_by(step)
}

/// Numbers that look drawn at random and are the same in each run (SplitMix64).
fn draw(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

async fn append(chats: &mut ChatServiceClient<Channel>, chat_id: &str, number: usize) -> Result<i64, tonic::Status> {
    let events = vec![customer_says(&format!("e{number}"), &format!("text {number}"))];
    let reply = chats.append_events(pb::AppendEventsRequest { chat_id: chat_id.into(), events }).await?;
    Ok(reply.into_inner().last_sequence)
}

/// Every event that was acknowledged is there once, in order, and what came before an acknowledged one too.
fn check_events(events: &[pb::Event], acknowledged: usize) {
    let sequences: Vec<i64> = events.iter().map(|event| event.sequence).collect();
    assert!(events.len() >= acknowledged, "{acknowledged} were acknowledged, {} are there", events.len());
    assert_eq!(sequences, (1..=events.len() as i64).collect::<Vec<i64>>());
    let ids: Vec<&str> = events.iter().map(|event| event.event_id.as_str()).collect();
    assert_eq!(ids, (0..events.len()).map(|number| format!("e{number}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_acknowledged_survives_kills_under_load() {
    const WRITERS: usize = 8;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let database_url = if crate::postgres::wanted() { Some(crate::postgres::new_database().await) } else { None };
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

        let (told, mut acknowledged) = mpsc::unbounded_channel();
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let (mut chats, told) = (process.chats(), told.clone());
            let chat_id = format!("{round}-{writer}");
            writers.spawn(async move {
                for number in 0.. {
                    match append(&mut chats, &chat_id, number).await {
                        Ok(_) => told.send((chat_id.clone(), number + 1)).unwrap(),
                        Err(_) => return,
                    }
                }
            });
        }
        drop(told);
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

/// A data folder whose schema is there, so that what is traced is the serving.
async fn made_folder() -> Kept {
    Opening { with_model: false, with_shop: false, change: |_| {} }.open().await.close_and_keep().await
}

/// Whether what needs strace is tested: always, unless `DESKHAND_TEST_WITHOUT_TRACE` says that the machine does not allow it.
fn can_trace() -> bool {
    if std::env::var_os("DESKHAND_TEST_WITHOUT_TRACE").is_some() {
        return false;
    }
    let can = Command::new("strace").args(["-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success());
    assert!(can, "strace does not run here; DESKHAND_TEST_WITHOUT_TRACE leaves out what needs it");
    true
}

#[tokio::test]
async fn the_log_is_synced_between_an_events_write_and_its_answer() {
    if crate::postgres::wanted() || !can_trace() {
        return;
    }
    let kept = made_folder().await;
    let data = kept.path().join("data");
    let trace = kept.path().join("trace");
    let mut strace: Vec<String> =
        ["-y", "-s", "9000", "-e", "trace=pwrite64,write,writev,sendto,fdatasync,fsync", "-o"].map(String::from).to_vec();
    strace.push(trace.display().to_string());
    let mut process = Process::start_traced(&strace, &data).await.unwrap();
    let mut chats = process.chats();
    for number in 0..50 {
        let events = vec![customer_says(&format!("e{number}"), &format!("canary-{number}-canary"))];
        let reply = chats.append_events(pb::AppendEventsRequest { chat_id: "c".into(), events }).await.unwrap();
        assert_eq!(reply.into_inner().last_sequence, number + 1);
    }
    process.kill();

    // One caller waits for each answer: what is written to a socket after an event's write is its answer.
    let trace = fs::read_to_string(trace).unwrap();
    let (mut written, mut synced, mut answered) = (None, false, 0);
    // Threads whose sync of the log is not over yet.
    let mut syncing: Vec<&str> = Vec::new();
    for line in trace.lines() {
        let thread = line.split_whitespace().next().unwrap_or_default();
        let on_log = line.contains("deskhand.sqlite-wal>");
        if on_log && line.contains("pwrite64(") {
            if let Some(number) = (0..50).rev().find(|number| line.contains(&format!("canary-{number}-canary"))) {
                written = written.max(Some(number));
            }
            synced = false;
        } else if on_log && line.contains("sync(") && line.contains("unfinished") {
            syncing.push(thread);
        } else if line.contains("sync resumed>") && syncing.contains(&thread) {
            syncing.retain(|other| *other != thread);
            synced = line.ends_with("= 0");
        } else if on_log && line.contains("sync(") {
            synced = line.ends_with("= 0");
        } else if line.contains("<TCP:") || line.contains("<socket:") {
            if written.is_some_and(|written| written >= answered) {
                assert!(synced, "an answer went out before the log was synced: {line:.200}");
                answered += 1;
            }
        }
    }
    assert!(answered >= 50, "{answered} answers were seen");
}

#[tokio::test]
async fn a_failed_write_or_sync_is_never_acknowledged() {
    if crate::postgres::wanted() || !can_trace() {
        return;
    }
    let mut recovered = 0;
    for call in ["fdatasync", "pwrite64"] {
        for fault in faults() {
            let kept = made_folder().await;
            let data = kept.path().join("data");
            let trace = kept.path().join("trace");
            let strace: Vec<String> = [
                "-y",
                "-e",
                &format!("trace={call}"),
                "-e",
                &format!("inject={call}:error=EIO:when={fault}"),
                "-o",
                &trace.display().to_string(),
            ]
            .map(String::from)
            .to_vec();
            let mut acknowledged: Vec<usize> = Vec::new();
            let mut refusals = 0;
            if let Some(mut process) = Process::start_traced(&strace, &data).await {
                let mut chats = process.chats();
                // A call that fails may have been written all the same: it is repeated until it is answered, as a console would.
                let mut number = 0;
                while number < fault + 20 && refusals < 50 {
                    match append(&mut chats, "c", number).await {
                        Ok(_) => {
                            acknowledged.push(number);
                            number += 1;
                        }
                        Err(status) => {
                            assert!(matches!(status.code(), Code::Unavailable | Code::Internal | Code::ResourceExhausted), "{status:?}");
                            refusals += 1;
                        }
                    }
                }
                process.kill();
            }
            let trace = fs::read_to_string(&trace).unwrap();
            let injected: Vec<&str> = trace.lines().filter(|line| line.contains("INJECTED")).collect();
            recovered += usize::from(!injected.is_empty() && refusals > 0 && refusals < 50);
            // The thread of a connection whose call on the log failed writes nothing more to it.
            let on_log = |line: &&str| line.contains("deskhand.sqlite-wal>");
            for line in injected.iter().copied().filter(on_log) {
                let thread = line.split_whitespace().next().unwrap();
                let later = trace.lines().skip_while(|other| *other != line).skip(1);
                let later: Vec<&str> = later.filter(|later| later.split_whitespace().next() == Some(thread)).filter(on_log).collect();
                assert!(later.is_empty(), "{call} {fault}: {later:?}");
            }
            let process = Process::start(&data, None).await;
            check_events(&process.events("c").await, acknowledged.len());
        }
    }
    assert!(recovered > 0, "some fault met an append, and appends went on after it");
}

#[tokio::test]
async fn replicas_share_one_log() {
    if !crate::postgres::wanted() {
        return;
    }
    let url = crate::postgres::new_database().await;
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
                // Both replicas are told everything; each takes what the other has not.
                let id = format!("e{}-{number}", caller / 2);
                let chat_id = format!("c{}", number % 5);
                let events = vec![
                    customer_says(&id, "the same words"),
                    crate::desk::event(&format!("{id}-c"), pb::event::Body::Customer(customer.clone())),
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
async fn a_full_disk_refuses_writes_and_goes_on_reading() {
    if crate::postgres::wanted() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=32m", "tmpfs"]).arg(&disk).status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("a small disk can't be mounted on this machine; nothing was tested");
        return;
    }
    let unmount = Unmount(disk.clone());
    let process = Process::start(&disk.join("data"), None).await;
    let article = pb::Article { id: "a".into(), language: "en".into(), title: "Towels".into(), body: "Soft".into(), ..Default::default() };
    process.knowledge().put_articles(pb::PutArticlesRequest { articles: vec![article] }).await.unwrap();
    let mut chats = process.chats();
    let (mut number, mut acknowledged) = (0, 0);
    for cycle in 0..3 {
        // Whatever is free is taken up.
        let filler = disk.join("filler");
        let _ = fs::write(&filler, vec![1; 64 << 20]);
        let refusal = loop {
            match append(&mut chats, "c", number).await {
                Ok(_) => {
                    acknowledged += 1;
                    number += 1;
                    assert!(acknowledged < 10_000, "the disk is not full");
                }
                Err(status) => break status,
            }
        };
        refused(&refusal, Code::ResourceExhausted, "STORE_FULL");
        assert!(process.events("c").await.len() >= acknowledged, "chats are read in cycle {cycle}");
        let search = pb::SearchRequest { query: "towels".into(), language: "en".into(), ..Default::default() };
        assert_eq!(process.knowledge().search(search).await.unwrap().into_inner().total, 1);

        fs::remove_file(&filler).unwrap();
        eventually("appends are taken again", || {
            let mut chats = chats.clone();
            async move { append(&mut chats, "c", number).await.is_ok() }
        })
        .await;
        acknowledged += 1;
        number += 1;
        let title = format!("Cycle{cycle}");
        let article = pb::Article { id: title.clone(), language: "en".into(), title, body: "Soft".into(), ..Default::default() };
        process.knowledge().put_articles(pb::PutArticlesRequest { articles: vec![article] }).await.unwrap();
    }
    check_events(&process.events("c").await, acknowledged);
    drop(process);
    drop(unmount);
}

struct Unmount(PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_damaged_index_is_made_anew_with_the_same_answers() {
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
    let index = kept.path().join("data/index/default");
    let mut names: Vec<String> = fs::read_dir(&index).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    // One file of each kind is enough: segments are alike.
    names.dedup_by_key(|name| name.rsplit('.').next().unwrap_or_default().to_owned());
    for (round, name) in names.iter().enumerate() {
        for damage in ["deleted", "cut", "flipped", "empty"] {
            // The names change whenever the index is made anew.
            let ending = name.rsplit('.').next().unwrap();
            let file = fs::read_dir(&index).unwrap().map(|file| file.unwrap().path()).find(|file| file.to_string_lossy().ends_with(ending));
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
