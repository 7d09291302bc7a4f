//! When writes or syncs fail, or the disk is full, nothing is acknowledged that is not stored.

use std::{fs, path::PathBuf, process::Command};

use deskhand::api::pb;
use tonic::Code;

use crate::{
    durability::{append, check_events},
    support::{
        desk::{Kept, Opening, customer_says, eventually, refused},
        process::Process,
    },
};

/// Which of the first 200 writes and syncs fail, one in each run: each tenth, or each with `DESKHAND_TEST_ALL_FAULTS`.
fn faults() -> impl Iterator<Item = usize> {
    let step = if std::env::var_os("DESKHAND_TEST_ALL_FAULTS").is_some() { 1 } else { 10 };
    (1..=200).step_by(step)
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

/// A data folder whose schema is there, so that what is traced is the serving.
async fn made_folder() -> Kept {
    Opening { with_model: false, with_shop: false, change: |_| {} }.open().await.close_and_keep().await
}

#[tokio::test]
async fn the_log_is_synced_between_an_events_write_and_its_answer() {
    if crate::support::postgres::wanted() || !can_trace() {
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
        } else if (line.contains("<TCP:") || line.contains("<socket:")) && written.is_some_and(|written| written >= answered) {
            assert!(synced, "an answer went out before the log was synced: {line:.200}");
            answered += 1;
        }
    }
    assert!(answered >= 50, "{answered} answers were seen");
}

#[tokio::test]
async fn a_failed_write_or_sync_is_never_acknowledged() {
    if crate::support::postgres::wanted() || !can_trace() {
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
async fn a_full_disk_rejects_writes_and_keeps_reading() {
    if crate::support::postgres::wanted() {
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
