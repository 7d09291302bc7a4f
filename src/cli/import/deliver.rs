//! Brings what was read to where it goes: chats and documents to a server, documents into a folder, or nowhere on a dry run.

use std::collections::HashSet;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc::Receiver;
use tonic::{Code, Status};

use crate::{
    api::pb,
    cli::{
        call::describe,
        connection::Connection,
        document_folder::{DocumentFolder, Written},
        import::{
            account::{Account, KNOWN_CHATS, NEW_CHATS, Place, is_fatal},
            chat::NewChat,
            intake::Item,
        },
        put::Putter,
    },
};

/// Chats that are appended at a time.
const IN_FLIGHT: usize = 64;
/// Events and bytes of one call, under the API's limits.
const MAX_EVENTS: usize = 1000;
const MAX_CALL_BYTES: usize = 3 << 20;

/// Counts what would come, and brings it nowhere.
pub async fn count(mut items: Receiver<Item>) -> Account {
    let mut account = Account::default();
    while let Some(item) = items.recv().await {
        match item {
            Item::Document(document, _) => account.count(kind_of(document.kind()), 1),
            Item::Chat(chat) => {
                account.count_chat(&chat.chat_id, "chats");
                account.count("events", chat.events.len() as u64);
            }
        }
    }
    account
}

fn kind_of(kind: crate::knowledge::Kind) -> &'static str {
    match kind {
        crate::knowledge::Kind::Article => "articles",
        crate::knowledge::Kind::CannedAnswer => "canned answers",
    }
}

/// Writes documents into a folder. Chats can't go there, and are listed.
pub async fn into_folder(mut items: Receiver<Item>, mut folder: DocumentFolder, dry_run: bool) -> Account {
    let mut account = Account::default();
    while let Some(item) = items.recv().await {
        let (document, place) = match item {
            Item::Document(document, place) => (document, place),
            Item::Chat(chat) => {
                account.list("chats, which go to a server: import them with --address", &chat.chat_id);
                continue;
            }
        };
        let written = if dry_run { folder.would_write(&document) } else { folder.write(&document) };
        match written {
            Ok(Written::New) => account.count("documents, new", 1),
            Ok(Written::Replaced) => account.count("documents, changed", 1),
            Ok(Written::Same) => account.count("documents, unchanged", 1),
            Ok(Written::Kept(file)) => {
                account.list("files that say something else and stay as they are; --replace overwrites them", &file.display().to_string());
            }
            Err(problem) => account.broken(&place, problem),
        }
    }
    account
}

/// Sends documents and chats to a server. The error says why the run can't go on.
pub async fn to_server(mut items: Receiver<Item>, connection: &Connection) -> (Account, Result<(), Status>) {
    let mut account = Account::default();
    let mut putter = Putter::new(connection.clone());
    let mut appends = FuturesUnordered::new();
    let mut in_flight: HashSet<String> = HashSet::new();
    let mut end = Ok(());
    while end.is_ok() {
        tokio::select! {
            Some(appended) = appends.next(), if !appends.is_empty() => end = settle(appended, &mut in_flight, &mut account),
            item = items.recv(), if appends.len() < IN_FLIGHT => match item {
                None => break,
                Some(Item::Document(document, place)) => end = putter.add(*document, place, &mut account).await,
                Some(Item::Chat(chat)) => {
                    // Documents first: what agents sent is compared with them.
                    end = putter.flush(&mut account).await;
                    // The lines of one chat stay in their order.
                    while end.is_ok() && in_flight.contains(&chat.chat_id) {
                        let Some(appended) = appends.next().await else { break };
                        end = settle(appended, &mut in_flight, &mut account);
                    }
                    if end.is_ok() {
                        in_flight.insert(chat.chat_id.clone());
                        appends.push(append(connection, chat));
                    }
                }
            },
        }
    }
    // No more is taken; the reader ends when it hands over the next one.
    drop(items);
    while let Some(appended) = appends.next().await {
        let settled = settle(appended, &mut in_flight, &mut account);
        end = end.and(settled);
    }
    if end.is_ok() {
        end = putter.flush(&mut account).await;
    }
    (account, end)
}

/// What became of a chat.
struct AppendedChat {
    chat_id: String,
    place: Place,
    appended: u64,
    duplicates: u64,
    /// Events that the server has with other content, which stay as they are there.
    changed: u64,
    failed: Option<Status>,
}

async fn append(connection: &Connection, chat: NewChat) -> AppendedChat {
    let NewChat { chat_id, events, place } = chat;
    let mut done = AppendedChat { chat_id, place, appended: 0, duplicates: 0, changed: 0, failed: None };
    for part in parts(events) {
        if let Err(status) = append_part(connection, &mut done, part).await {
            done.failed = Some(status);
            break;
        }
    }
    done
}

async fn append_part(connection: &Connection, done: &mut AppendedChat, events: Vec<pb::Event>) -> Result<(), Status> {
    match send(connection, &done.chat_id, events.clone()).await {
        Ok(pb::AppendEventsResponse { last_sequence: _, appended, duplicates }) => {
            done.appended += appended.max(0) as u64;
            done.duplicates += duplicates.max(0) as u64;
            Ok(())
        }
        // The source changed an event since the last run: what is new in the chat comes all the same.
        Err(status) if status.code() == Code::AlreadyExists => {
            for event in events {
                match send(connection, &done.chat_id, vec![event]).await {
                    Ok(pb::AppendEventsResponse { last_sequence: _, appended, duplicates }) => {
                        done.appended += appended.max(0) as u64;
                        done.duplicates += duplicates.max(0) as u64;
                    }
                    Err(status) if status.code() == Code::AlreadyExists => done.changed += 1,
                    Err(status) => return Err(status),
                }
            }
            Ok(())
        }
        Err(status) => Err(status),
    }
}

async fn send(connection: &Connection, chat_id: &str, events: Vec<pb::Event>) -> Result<pb::AppendEventsResponse, Status> {
    let request = pb::AppendEventsRequest { chat_id: chat_id.to_owned(), events };
    connection.send(request, async |request| connection.chats().append_events(request).await).await
}

/// The events in calls that are not too large. A redaction stays in the call of what it wipes where that is possible.
fn parts(events: Vec<pb::Event>) -> Vec<Vec<pb::Event>> {
    let mut parts: Vec<Vec<pb::Event>> = Vec::new();
    let mut bytes = 0;
    for event in events {
        let size = prost::Message::encoded_len(&event);
        match parts.last_mut() {
            Some(part) if part.len() < MAX_EVENTS && bytes + size <= MAX_CALL_BYTES => part.push(event),
            _ => {
                bytes = 0;
                parts.push(vec![event]);
            }
        }
        bytes += size;
    }
    parts
}

fn settle(done: AppendedChat, in_flight: &mut HashSet<String>, account: &mut Account) -> Result<(), Status> {
    let AppendedChat { chat_id, place, appended, duplicates, changed, failed } = done;
    in_flight.remove(&chat_id);
    account.count("events, new", appended);
    account.count("events, there already", duplicates);
    for _ in 0..changed {
        account.list("events that are another in the file than on the server, where they stay as they are", &chat_id);
    }
    match failed {
        None => {
            account.count_chat(&chat_id, if appended > 0 { NEW_CHATS } else { KNOWN_CHATS });
            Ok(())
        }
        Some(status) if is_fatal(&status) => Err(status),
        Some(status) => {
            account.broken(&place, format!("chat `{chat_id}`: {}", describe(&status)));
            Ok(())
        }
    }
}
