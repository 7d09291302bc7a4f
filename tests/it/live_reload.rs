//! The knowledge base folder changes while serving.

use std::fs;

use deskhand::api::pb;

use crate::desk::{Desk, eventually};

async fn total(desk: &Desk, query: &str) -> i32 {
    let mut knowledge = desk.knowledge.clone();
    let request = pb::SearchRequest { query: query.into(), language: "en".into(), ..Default::default() };
    knowledge.search(request).await.unwrap().into_inner().total
}

#[tokio::test]
async fn changes_are_taken_in_and_a_broken_file_leaves_the_last_good_version() {
    let desk = Desk::empty().await;
    let folder = desk.folder.path().join("knowledge-base/articles/en/garden");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("lamps.md");
    let article = |title: &str| format!("---\ntitle: {title}\ncategory: garden\n---\n\nAbout garden lamps.\n");

    fs::write(&file, article("Lanterns")).unwrap();
    eventually("a new file is found", async || total(&desk, "lanterns").await == 1).await;
    fs::write(&file, article("Torches")).unwrap();
    eventually("a changed file is found anew", async || total(&desk, "torches").await == 1).await;
    assert_eq!(total(&desk, "lanterns").await, 0);

    // The file breaks, and another changes, so that it is known when both were read.
    fs::write(&file, "---\ntitle: [broken\n---\n\nAbout garden lamps.\n").unwrap();
    fs::write(folder.join("other.md"), article("Fountains")).unwrap();
    eventually("the other file is found", async || total(&desk, "fountains").await == 1).await;
    assert_eq!(total(&desk, "torches").await, 1, "the last good version stays");

    fs::remove_file(&file).unwrap();
    eventually("a removed file is gone", async || total(&desk, "torches").await == 0).await;
    desk.close().await;
}
