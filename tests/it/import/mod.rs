//! `deskhand import`: what other systems hold, into a folder and onto a server.

mod bad_files;
mod chatwoot;
mod export;
mod freescout;
mod intercom;
mod mailboxes;
mod markdown;
mod runs;
mod tables;
mod zammad;
mod zendesk;

use std::{fs, path::Path, path::PathBuf, process::Output};

use deskhand::api::pb::{self, event::Body};
use tempfile::TempDir;

use crate::support::{
    command::{deskhand, text},
    desk::Desk,
};

pub fn file(name: &str) -> String {
    format!("{}/tests/import/{name}", env!("CARGO_MANIFEST_DIR"))
}

pub fn files(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| file(name)).collect()
}

pub fn run(arguments: &[String]) -> Output {
    deskhand(&arguments.iter().map(String::as_str).collect::<Vec<&str>>(), "")
}

/// Imports into a folder.
pub fn import_into(source: &str, names: &[&str], folder: &Path, more: &[&str]) -> Output {
    let mut arguments = vec!["import".to_owned(), source.to_owned()];
    arguments.extend(files(names));
    arguments.extend(["--into".to_owned(), folder.to_str().unwrap().to_owned()]);
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    run(&arguments)
}

/// Imports onto a server.
pub async fn import_to(address: &str, source: &str, names: Vec<String>, more: &[&str]) -> Output {
    let mut arguments = vec!["import".to_owned(), source.to_owned()];
    arguments.extend(names);
    arguments.extend(["--address".to_owned(), address.to_owned()]);
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    tokio::task::spawn_blocking(move || run(&arguments)).await.unwrap()
}

/// Files of these names and texts, in the order in which they are imported.
pub fn written(folder: &Path, texts: &[(&str, &str)]) -> Vec<String> {
    let write = |(name, text): &(&str, &str)| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    texts.iter().map(write).collect()
}

/// Imports texts into a folder.
pub fn import_texts(source: &str, texts: &[(&str, &str)], more: &[&str]) -> (TempDir, Output) {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = vec!["import".to_owned(), source.to_owned()];
    arguments.extend(written(&folder.path().join("from"), texts));
    let into = folder.path().join("into");
    arguments.extend(["--into".to_owned(), into.to_str().unwrap().to_owned()]);
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    let output = run(&arguments);
    let _ = fs::remove_dir_all(folder.path().join("from"));
    (folder, output)
}

/// Imports texts onto a server.
pub async fn import_texts_to(address: &str, source: &str, texts: &[(&str, &str)], more: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    import_to(address, source, written(folder.path(), texts), more).await
}

/// The names of the documents in a folder, without their endings.
pub fn ids(folder: &Path) -> Vec<String> {
    let mut ids: Vec<String> = all_files(folder).iter().map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

pub fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}; there are {:?}", all_files(folder)))
}

pub fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(all_files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

pub fn all_text(folder: &Path) -> String {
    all_files(folder).iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

pub fn expect(output: &Output, code: i32, parts: &[&str]) {
    let printed = format!("{}\n{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{printed}");
    for part in parts {
        assert!(printed.contains(part), "{part:?} is not in:\n{printed}");
    }
}

/// What every import must hold: the folder is right, drafts and internal texts are nowhere public, markup is gone.
pub fn check_folder(folder: &Path, never: &[&str], internal: &[&str]) {
    let output = deskhand(&["check", folder.to_str().unwrap()], "");
    let findings = text(&output.stdout);
    // Placeholders that no chat fills are what the account lists.
    let other = findings.lines().filter(|line| line.contains(": error:") && !line.contains("unknown placeholder"));
    assert_eq!(other.collect::<Vec<&str>>(), Vec::<&str>::new());
    let whole = all_text(folder);
    for part in never.iter().chain(&["<script", "alert(", "<iframe", "javascript:", "onclick", "<style", "<form", "<div"]) {
        assert!(!whole.contains(part), "{part:?} is in\n{whole}");
    }
    for part in internal {
        let holders: Vec<String> =
            all_files(folder).iter().map(|file| fs::read_to_string(file).unwrap()).filter(|text| text.contains(part)).collect();
        assert!(!holders.is_empty(), "{part:?} is nowhere");
        for holder in holders {
            assert!(holder.contains("\naudience: agents\n"), "{holder}");
        }
    }
}

pub async fn events(desk: &mut Desk, chat_id: &str) -> Vec<pb::Event> {
    desk.chat(chat_id).await.unwrap().events
}

pub fn messages(events: &[pb::Event]) -> Vec<(pb::Author, String)> {
    let message = |event: &pb::Event| match event.body.as_ref().unwrap() {
        Body::Message(message) => Some((message.author(), message.text.clone())),
        _ => None,
    };
    events.iter().filter_map(message).collect()
}

pub fn notes(events: &[pb::Event]) -> Vec<String> {
    let note = |event: &pb::Event| match event.body.as_ref().unwrap() {
        Body::Note(note) => Some(note.text.clone()),
        _ => None,
    };
    events.iter().filter_map(note).collect()
}

pub fn seconds(event: &pb::Event) -> i64 {
    event.at.as_ref().unwrap().seconds
}
