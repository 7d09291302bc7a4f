//! Several servers on one PostgreSQL: one takes in the folder, learns, and embeds; another goes on when it dies.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use deskhand::{api::pb, config::EmbeddingSettings};

use crate::support::{
    desk::{Desk, Opening, agent_says, customer_says, eventually, selin},
    model::ScriptedModel,
    postgres::Postgres,
    process::Process,
};

/// How long another server may take to go on.
const TAKES_OVER: Duration = Duration::from_secs(5);

fn write(root: &Path, title: &str) {
    let folder = root.join("articles/en");
    fs::create_dir_all(&folder).unwrap();
    let text = format!("---\ntitle: {title}\ncategory: garden\n---\n\nAbout garden lamps.\n");
    fs::write(folder.join(format!("{}.md", title.to_lowercase())), text).unwrap();
}

async fn finds(desk: &Desk, query: &str) -> bool {
    desk.public_ids(query).await == [query]
}

#[tokio::test]
async fn another_server_takes_in_its_folder_when_the_leader_was_killed() {
    let postgres = Postgres::start();
    let url = postgres.url("postgres");
    let folder = tempfile::tempdir().unwrap();
    let (data, theirs) = (folder.path().join("data"), folder.path().join("theirs"));
    write(&theirs, "Lanterns");
    let mut leader = Process::start_with_folder(&data, &url, &theirs).await;

    let opening = Opening { with_model: false, with_shop: false, change: |_| {} };
    let desk = opening.open_set(|config| config.database_url = Some(url.clone())).await;
    let ours = desk.folder.path().join("knowledge-base");
    assert!(finds(&desk, "lanterns").await, "what the leader took in is there at the start");
    // Both folders change; only the leader's is taken in.
    write(&ours, "Lanterns");
    write(&ours, "Torches");
    write(&theirs, "Candles");
    eventually("the leader's change is found", async || finds(&desk, "candles").await).await;
    assert!(!finds(&desk, "torches").await);

    leader.kill();
    let killed = Instant::now();
    eventually("the other server takes its folder in", async || finds(&desk, "torches").await).await;
    assert!(killed.elapsed() < TAKES_OVER, "{:?}", killed.elapsed());
    desk.close().await;
}

#[tokio::test]
async fn one_server_embeds_and_learns_for_all() {
    let postgres = Postgres::start();
    let models = [ScriptedModel::start().await, ScriptedModel::start().await];
    let mut desks = Vec::new();
    for model in &models {
        let opening = Opening { with_model: false, with_shop: true, change: |_| {} };
        let set = |config: &mut deskhand::config::Config| {
            config.database_url = Some(postgres.url("postgres"));
            let (model, base_url) = (Some("scripted".into()), Some(model.base_url()));
            config.embedding = EmbeddingSettings { model, base_url, ..EmbeddingSettings::default() };
        };
        desks.push(opening.open_set(set).await);
        // The first has embedded all before the second starts.
        if desks.len() == 1 {
            eventually("all documents are embedded", async || embedded(&postgres).await).await;
        }
    }
    let document = pb::CannedAnswer {
        id: "lamps".into(),
        language: "en".into(),
        title: "Lamps".into(),
        body: "Our lamps are made of glass and shine for ten years.".into(),
        ..pb::CannedAnswer::default()
    };
    let [one, other] = &mut desks[..] else { unreachable!() };
    let request = pb::PutCannedAnswersRequest { canned_answers: vec![document.clone()] };
    other.knowledge.put_canned_answers(request).await.unwrap();
    eventually("the leader embeds what another took", async || models[0].embedded().iter().any(|text| text.contains("ten years"))).await;
    eventually("and all is embedded", async || embedded(&postgres).await).await;
    assert_eq!(models[1].embedded(), Vec::<String>::new(), "the other embeds no document");

    // What a chat at one server teaches, the other knows.
    for number in 0..3 {
        let chat_id = format!("taught-{number}");
        let events = vec![customer_says("e1", "Frobnicating the whatsit?"), agent_says("e2", &document.body)];
        other.append(&chat_id, events).await.unwrap();
    }
    for desk in [one, other] {
        desk.append("asks", vec![customer_says("e1", "Frobnicating the whatsit?")]).await.unwrap();
        let replies = desk.replies.clone();
        eventually("it is suggested", async || {
            let request = pb::SuggestAnswersRequest { chat_id: "asks".into(), agent: selin(), ..pb::SuggestAnswersRequest::default() };
            let suggestions = replies.clone().suggest_answers(request).await.unwrap().into_inner().suggestions;
            suggestions.first().is_some_and(|first| format!("{first:?}").contains("lamps"))
        })
        .await;
    }
    for desk in desks {
        desk.close().await;
    }
}

/// Whether every document has vectors.
async fn embedded(postgres: &Postgres) -> bool {
    use sqlx::Connection;
    let mut connection = sqlx::PgConnection::connect(&postgres.url("postgres")).await.unwrap();
    let statement = "SELECT (SELECT COUNT(*) FROM document WHERE deleted = 0)
        - (SELECT COUNT(*) FROM document JOIN document_vector USING (workspace, kind, id, language, hash) WHERE deleted = 0)";
    let missing: i64 = sqlx::query_scalar(statement).fetch_one(&mut connection).await.unwrap();
    missing == 0
}
