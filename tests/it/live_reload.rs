//! The knowledge base folder changes while serving.

use std::{fs, os::unix::fs::symlink, path::Path};

use deskhand::{
    api::pb,
    config::{Config, FolderWatch},
};

use crate::support::desk::{Desk, Opening, eventually};

async fn total(desk: &Desk, query: &str) -> i32 {
    let mut knowledge = desk.knowledge.clone();
    let request = pb::SearchRequest { query: query.into(), language: "en".into(), ..Default::default() };
    knowledge.search(request).await.unwrap().into_inner().total
}

fn article(title: &str) -> String {
    format!("---\ntitle: {title}\ncategory: garden\n---\n\nAbout garden lamps.\n")
}

/// Writes articles into a knowledge base: their ids are their titles in small letters.
fn write(root: &Path, titles: &[&str]) {
    let folder = root.join("articles/en");
    fs::create_dir_all(&folder).unwrap();
    for title in titles {
        fs::write(folder.join(format!("{}.md", title.to_lowercase())), article(title)).unwrap();
    }
}

async fn open(set: impl FnOnce(&mut Config)) -> Desk {
    Opening { with_model: false, with_shop: false, change: |_| {} }.open_set(set).await
}

#[tokio::test]
async fn changes_are_taken_in_and_a_broken_file_is_withdrawn_from_the_public() {
    let desk = Desk::empty().await;
    let folder = desk.folder.path().join("knowledge-base/articles/en/garden");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("lamps.md");

    fs::write(&file, article("Lanterns")).unwrap();
    eventually("a new file is found", async || total(&desk, "lanterns").await == 1).await;
    fs::write(&file, article("Torches")).unwrap();
    eventually("a changed file is found anew", async || total(&desk, "torches").await == 1).await;
    assert_eq!(total(&desk, "lanterns").await, 0);
    assert_eq!(desk.public_ids("torches").await, ["lamps"]);

    for (number, broken) in [
        "---\ntitle: [broken\n---\n\nAbout garden lamps.\n".as_bytes(),
        b"---\ntitle: Torches\naudience: Agents\n---\n\nAbout garden lamps.\n",
        b"---\ntitle: Torches\ndraft: true\n---\n\nAbout garden lamps.\n",
        b"---\ntitle: Torches\nadience: agents\n---\n\nAbout garden lamps.\n",
        b"---\ntitle: Torches\nurl: javascript:alert(1)\n---\n\nAbout garden lamps.\n",
        b"---\ntitle: Torches\n---\n\n\xff",
    ]
    .into_iter()
    .enumerate()
    {
        fs::write(&file, broken).unwrap();
        eventually("the public does not find it", async || desk.public_ids("torches").await.is_empty()).await;
        assert!(desk.page("/help/articles/lamps?language=en").await.contains("DOCUMENT_NOT_FOUND"));
        assert_eq!(total(&desk, "torches").await, 1, "agents have the last good version");
        assert!(desk.page("/metrics").await.contains("deskhand_documents_withdrawn{workspace=\"default\"} 1"), "{number}");
        fs::write(&file, article("Torches")).unwrap();
        eventually("it comes back when it is right", async || desk.public_ids("torches").await == ["lamps"]).await;
        eventually("the gauge goes down", async || {
            desk.page("/metrics").await.contains("deskhand_documents_withdrawn{workspace=\"default\"} 0")
        })
        .await;
    }

    fs::remove_file(&file).unwrap();
    eventually("a removed file is gone", async || total(&desk, "torches").await == 0).await;
    desk.close().await;
}

#[tokio::test]
async fn a_broken_canned_answer_is_not_drafted_from() {
    let mut desk = Desk::empty().await;
    let file = desk.folder.path().join("knowledge-base/canned-answers/en/voucher.md");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let answer = |more: &str| {
        format!("---\ntitle: Where is my voucher code\n{more}---\n\nYour voucher code is in the letter that came with the parcel.\n")
    };
    fs::write(&file, answer("")).unwrap();
    desk.append("c", vec![crate::support::desk::customer_says("m", "Where is my voucher code?")]).await.unwrap();
    let draft = pb::DraftReplyRequest { chat_id: "c".into(), language: "en".into(), ..Default::default() };
    let replies = desk.replies.clone();
    let offered = async || {
        let request = pb::SuggestAnswersRequest { query: "voucher".into(), language: "en".into(), ..Default::default() };
        replies.clone().suggest_answers(request).await.unwrap().into_inner().suggestions.first().map(pb::Suggestion::audience)
    };
    eventually("it is offered", async || offered().await == Some(pb::Audience::Public)).await;
    assert!(desk.draft(draft.clone()).await.unwrap().finished.text.contains("letter"));
    fs::write(&file, answer("visibility: Agent\n")).unwrap();
    eventually("it is for agents", async || offered().await == Some(pb::Audience::Agents)).await;
    assert!(desk.draft(draft).await.is_err(), "there is nothing else to draft from");
    desk.close().await;
}

/// What replaces a folder is followed, however it is noticed.
async fn replaced_folders_are_followed(watch: FolderWatch) {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    // Of two or three documents one goes each time: as many as may.
    write(&path("one"), &["Lanterns", "Hedges"]);
    write(&path("two"), &["Torches", "Hedges"]);
    write(&path("three"), &["Fountains", "Hedges", "Torches"]);
    write(&path("four"), &["Gazebos", "Hedges", "Fountains"]);
    write(&path("five"), &["Umbrellas", "Hedges", "Gazebos"]);
    symlink(path("one"), path("current")).unwrap();
    let root = path("current");
    let desk = open(|config| {
        config.knowledge_base = Some(root);
        config.knowledge_base_watch = watch;
    })
    .await;
    let holds = async |ids: &[&str]| {
        let what = format!("{ids:?}");
        eventually(&what, async || {
            let mut found = desk.public_ids("about+garden").await;
            found.sort();
            found == ids
        })
        .await;
    };
    let is_missing = async || {
        let line = "deskhand_folder_missing{workspace=\"default\"} 1";
        eventually(line, async || desk.page("/metrics").await.contains(line)).await;
    };
    holds(&["hedges", "lanterns"]).await;

    symlink(path("two"), path("next")).unwrap();
    fs::rename(path("next"), path("current")).unwrap();
    holds(&["hedges", "torches"]).await;
    // What changes in the new one is noticed there.
    write(&path("two"), &["Gnomes"]);
    holds(&["gnomes", "hedges", "torches"]).await;

    // A link that leads nowhere, and then a folder in its place.
    fs::remove_file(path("current")).unwrap();
    is_missing().await;
    holds(&["gnomes", "hedges", "torches"]).await;
    fs::rename(path("three"), path("current")).unwrap();
    holds(&["fountains", "hedges", "torches"]).await;

    // Another folder by renames.
    fs::rename(path("current"), path("old")).unwrap();
    fs::rename(path("four"), path("current")).unwrap();
    holds(&["fountains", "gazebos", "hedges"]).await;

    // Removed and made again.
    fs::rename(path("current"), path("older")).unwrap();
    is_missing().await;
    holds(&["fountains", "gazebos", "hedges"]).await;
    fs::create_dir(path("current")).unwrap();
    fs::rename(path("five/articles"), path("current/articles")).unwrap();
    holds(&["gazebos", "hedges", "umbrellas"]).await;
    desk.close().await;
}

#[tokio::test]
async fn a_replaced_folder_is_followed_with_events() {
    replaced_folders_are_followed(FolderWatch::Events).await;
}

#[tokio::test]
async fn a_replaced_folder_is_followed_by_polling() {
    replaced_folders_are_followed(FolderWatch::Poll).await;
}

#[tokio::test]
async fn most_documents_are_not_deleted_while_serving() {
    let desk = Desk::empty().await;
    let root = desk.folder.path().join("knowledge-base");
    write(&root, &["Lanterns", "Torches", "Fountains", "Benches"]);
    eventually("all are found", async || total(&desk, "garden").await == 4).await;
    let refused = async |value: u8| {
        let line = format!("deskhand_folder_refused{{workspace=\"default\"}} {value}");
        eventually(&line, async || desk.page("/metrics").await.contains(&line)).await;
    };

    for title in ["lanterns", "torches", "fountains"] {
        fs::remove_file(root.join(format!("articles/en/{title}.md"))).unwrap();
    }
    write(&root, &["Gnomes"]);
    refused(1).await;
    assert_eq!((total(&desk, "lanterns").await, total(&desk, "gnomes").await), (1, 0), "nothing of it is taken");

    // Two of them come back: what is there now is taken as a whole.
    write(&root, &["Torches", "Fountains"]);
    refused(0).await;
    eventually("what is new is found", async || total(&desk, "gnomes").await == 1).await;
    assert_eq!((total(&desk, "lanterns").await, total(&desk, "benches").await), (0, 1));
    desk.close().await;
}

#[tokio::test]
async fn renamed_documents_are_not_lost_ones() {
    let desk = Desk::empty().await;
    let root = desk.folder.path().join("knowledge-base");
    write(&root, &["Lanterns", "Torches", "Fountains"]);
    eventually("all are found", async || total(&desk, "garden").await == 3).await;
    fs::rename(root.join("articles/en"), root.join("articles/en-GB")).unwrap();
    eventually("all have the other language", async || {
        let request = pb::SearchRequest { query: "garden".into(), language: "en".into(), ..Default::default() };
        let hits = desk.knowledge.clone().search(request).await.unwrap().into_inner().hits;
        hits.len() == 3 && hits.iter().all(|hit| hit.language == "en-GB")
    })
    .await;
    desk.close().await;
}
