//! What was acknowledged is there after the process was killed.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use deskhand::api::pb::{self, chat_service_client::ChatServiceClient, knowledge_service_client::KnowledgeServiceClient};
use tonic::transport::{Channel, Endpoint};

use crate::desk::customer_says;

/// A server of its own, that can be killed.
struct Process {
    child: Child,
    channel: Channel,
}

impl Process {
    async fn start(data: &Path) -> Process {
        let mut child = Command::new(env!("CARGO_BIN_EXE_deskhand"))
            .args(["serve", "--listen", "127.0.0.1:0", "--knowledge-base", "absent", "--log", "error", "--data"])
            .arg(data)
            .current_dir(data.parent().unwrap())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let (channel, _) = tokio::task::spawn_blocking(move || {
            let mut lines = lines.lines();
            let address = lines.find_map(|line| line.unwrap().strip_prefix("listening on ").map(str::to_owned)).unwrap();
            (address, lines)
        })
        .await
        .map(|(address, lines)| (Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy(), lines))
        .unwrap();
        Process { child, channel }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let process = Process::start(&data).await;
    let article =
        pb::Article { id: "a".into(), language: "en".into(), title: "Survivor".into(), body: "Text".into(), ..Default::default() };
    KnowledgeServiceClient::new(process.channel.clone()).put_articles(pb::PutArticlesRequest { articles: vec![article] }).await.unwrap();

    // Eight writers, each told how far it got; the process is killed in the middle of them.
    let mut writers = tokio::task::JoinSet::new();
    let (told, mut acknowledged) = tokio::sync::mpsc::unbounded_channel();
    for writer in 0..8 {
        let (mut chats, told) = (ChatServiceClient::new(process.channel.clone()), told.clone());
        writers.spawn(async move {
            for number in 0.. {
                let events = vec![customer_says(&format!("e{number}"), &format!("text {number}"))];
                let request = pb::AppendEventsRequest { chat_id: format!("chat-{writer}"), events };
                match chats.append_events(request).await {
                    Ok(reply) => told.send((writer, reply.into_inner().last_sequence)).unwrap(),
                    Err(_) => return,
                }
            }
        });
    }
    drop(told);
    let mut last = [0; 8];
    for _ in 0..200 {
        let (writer, sequence) = acknowledged.recv().await.unwrap();
        last[writer] = sequence;
    }
    drop(process);
    while let Some((writer, sequence)) = acknowledged.recv().await {
        last[writer] = sequence;
    }
    writers.join_all().await;

    let process = Process::start(&data).await;
    let mut chats = ChatServiceClient::new(process.channel.clone());
    for (writer, last) in last.into_iter().enumerate().filter(|(_, last)| *last > 0) {
        let request = pb::GetChatRequest { chat_id: format!("chat-{writer}"), after_sequence: 0, page_size: 1000 };
        let reply = chats.get_chat(request).await.unwrap().into_inner();
        let sequences: Vec<i64> = reply.events.iter().map(|event| event.sequence).collect();
        assert!(sequences.len() as i64 >= last, "{last} were acknowledged, {} are there", sequences.len());
        assert_eq!(sequences, (1..=sequences.len() as i64).collect::<Vec<i64>>());
    }
    let search = pb::SearchRequest { query: "survivor".into(), language: "en".into(), ..Default::default() };
    let reply = KnowledgeServiceClient::new(process.channel.clone()).search(search).await.unwrap().into_inner();
    assert_eq!(reply.total, 1);
}
