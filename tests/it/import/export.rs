//! `deskhand export` and `deskhand put`.

use std::{fs, path::PathBuf};

use deskhand::api::pb;

use super::{all_files, expect, files, import_to, run};
use crate::support::{
    command::{deskhand, text},
    desk::Desk,
};

#[tokio::test]
async fn what_is_exported_is_imported_again_as_it_was() {
    let mut desk = Desk::without_model().await;
    for name in ["01-elif-web.json", "03-gergely-email.json", "06-deniz-web.json"] {
        desk.append_sample(name).await;
    }
    let output = import_to(&desk.address(), "ndjson", files(&["ndjson/chats.ndjson"]), &[]).await;
    expect(&output, 0, &["chats, with something new: 2"]);
    let folder = tempfile::tempdir().unwrap();
    let export = async |address: String, name: &str| {
        let path = folder.path().join(name);
        let arguments = ["export", path.to_str().unwrap(), "--address", &address].map(str::to_owned);
        let output = tokio::task::spawn_blocking(move || run(&arguments)).await.unwrap();
        (path, output)
    };
    let (first, output) = export(desk.address(), "first").await;
    expect(&output, 0, &["chats: 5"]);
    let files = all_files(&first.join("knowledge-base"));
    let is_wording =
        |path: &&PathBuf| path.ends_with("voice.md") || path.ends_with("glossary.toml") || path.extension().is_some_and(|end| end == "txt");
    let wording: Vec<&PathBuf> = files.iter().filter(is_wording).collect();
    let documents = files.len() - wording.len();
    assert!(documents > 50 && wording.len() == 6, "{documents} {wording:?}");
    assert!(!fs::read_to_string(first.join("chats.ndjson")).unwrap().contains("4111"), "what was wiped is not exported");
    for path in all_files(&first) {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700, "{}", path.display());
    }
    let (_, output) = export(desk.address(), "first").await;
    expect(&output, 2, &["is not an empty folder"]);

    let other = Desk::empty().await;
    let put = async || {
        let arguments = ["put", first.join("knowledge-base").to_str().unwrap(), "--address", &other.address()].map(str::to_owned);
        tokio::task::spawn_blocking(move || run(&arguments)).await.unwrap()
    };
    expect(&put().await, 0, &[&format!("documents, new: {documents}"), "voice, terms and synonyms, new: "]);
    let output = put().await;
    expect(&output, 0, &[&format!("documents, unchanged: {documents}"), "voice, terms and synonyms, unchanged: "]);
    assert!(!text(&output.stdout).contains("synonyms, new") && !text(&output.stdout).contains("synonyms, changed"));
    let chats = vec![first.join("chats.ndjson").to_str().unwrap().to_owned()];
    expect(&import_to(&other.address(), "ndjson", chats.clone(), &[]).await, 0, &["chats, with something new: 5"]);
    expect(&import_to(&other.address(), "ndjson", chats.clone(), &[]).await, 0, &["chats, there already: 5", "events, new: 0"]);
    // The first one knows them, too.
    expect(&import_to(&desk.address(), "ndjson", chats, &[]).await, 0, &["chats, there already: 5", "events, new: 0"]);
    let (second, output) = export(other.address(), "second").await;
    expect(&output, 0, &["chats: 5"]);
    for path in all_files(&first) {
        let same = second.join(path.strip_prefix(&first).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), fs::read_to_string(&same).unwrap(), "{}", path.display());
    }
    assert_eq!(all_files(&first).len(), all_files(&second).len());
    desk.close().await;
    other.close().await;
}

#[tokio::test]
async fn put_and_export_tell_what_failed() {
    let mut desk = Desk::without_model().await;
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("articles/en/good.md", "---\ntitle: Good\n---\n\nText.\n"),
        ("articles/en/bad.md", "---\ntitle: Bad\ndraft: true\n---\n\nText.\n"),
        ("articles/en/return-window.md", "---\ntitle: Mine\n---\n\nText.\n"),
        ("voice.md", "---\nlayout: single_message\n---\n\nFriendly.\n"),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    // An id that no file can have.
    let article =
        pb::Article { id: "a/b".into(), language: "en".into(), title: "T".into(), body: "Text.".into(), ..pb::Article::default() };
    desk.knowledge.put_articles(pb::PutArticlesRequest { articles: vec![article] }).await.unwrap();
    let target = folder.path().join("export");
    let arguments = ["export", target.to_str().unwrap(), "--address", &desk.address()].map(str::to_owned);
    let output = tokio::task::spawn_blocking(move || run(&arguments)).await.unwrap();
    expect(&output, 1, &["the id `a/b` has a slash"]);
    fs::remove_dir_all(&target).unwrap();
    // An id that the server has from its own folder.
    let taken = all_files(&crate::support::desk::shop().join("articles/en"))[0].clone();
    let id = taken.file_stem().unwrap().to_str().unwrap().to_owned();
    fs::rename(folder.path().join("articles/en/return-window.md"), folder.path().join(format!("articles/en/{id}.md"))).unwrap();
    let arguments = ["put", folder.path().to_str().unwrap(), "--address", &desk.address()].map(str::to_owned);
    let output = tokio::task::spawn_blocking(move || run(&arguments)).await.unwrap();
    let told = format!("{id}.md: `{id}`: FAILED_PRECONDITION");
    expect(
        &output,
        1,
        &["bad.md:3: unknown key `draft`", &told, "documents, new: 1", "not sent, as a server reads it from its own folder: voice.md"],
    );
    expect(&deskhand(&["put", "/no/such/folder"], ""), 2, &["is not a folder"]);
    desk.close().await;
}
