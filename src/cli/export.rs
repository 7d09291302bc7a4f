//! `deskhand export`: everything of a workspace, as files that `put` and `import` take again.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{BufWriter, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, anyhow};
use clap::{Arg, ArgMatches, Command, value_parser};
use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use tonic::Status;

use crate::{
    api::pb,
    cli::{
        connection::{Connection, server_flags},
        document_folder::{DocumentFolder, Modes},
        import::{
            account::{Account, Place, advice},
            ndjson::Format,
        },
        wording,
    },
    ids::Id,
    knowledge::{Audience, Conditions, Details, Document, Visibility},
    text::Language,
};

/// Where what is exported stands in the folder.
const DOCUMENTS: &str = "knowledge-base";
const CHATS: &str = "chats.ndjson";
/// Chats that are fetched at a time, and what a page holds at most.
const IN_FLIGHT: usize = 32;
const PAGE: i32 = 1000;

pub fn command() -> Command {
    Command::new("export")
        .about("Write everything of a workspace into a folder: documents and chats")
        .after_help(format!(
            "Asks a running server, so that it works on SQLite and PostgreSQL alike and holds the rules of the API; the key's workspace is \
             what is exported, and needs scope `agent`.\n\n\
             FOLDER/{DOCUMENTS} has the documents, voice, glossary and synonyms (`deskhand put` sends it), FOLDER/{CHATS} a chat a line \
             (`deskhand import ndjson` appends it). Both are private to their owner: they hold customers' data. \
             Lessons, outcomes, keys and the reports are not exported: lessons are learned again from the chats, and `deskhand backup` \
             keeps all of it.\n\n\
             A chat that changes meanwhile is exported as it is when it is read. Exits with 1 if something could not be written.\n\n\
             Examples:\n  deskhand export everything --address 127.0.0.1:50051\n  \
             deskhand put everything/{DOCUMENTS} --address other:50051\n  \
             deskhand import ndjson everything/{CHATS} --address other:50051"
        ))
        .arg(
            Arg::new("folder")
                .value_name("FOLDER")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("Folder to write; it must be empty, or not exist yet"),
        )
        .args(server_flags())
}

pub fn run(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let root = matches.get_one::<PathBuf>("folder").expect("it is required");
    let is_used = match fs::read_dir(root) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => root.exists(),
    };
    if is_used {
        eprintln!("error: `{}` is not an empty folder; name another, nothing is overwritten", root.display());
        return Ok(ExitCode::from(crate::cli::BAD_ARGUMENTS));
    }
    let account = crate::cli::block_on(Box::pin(export(matches, root)))??;
    account.print();
    Ok(if account.is_broken() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn export(matches: &ArgMatches, root: &Path) -> anyhow::Result<Account> {
    let connection = Connection::open(matches).await?;
    DirBuilder::new().recursive(true).mode(0o700).create(root).with_context(|| format!("can't make the folder `{}`", root.display()))?;
    let mut account = Account::default();
    let failed = |status: Status| anyhow!("{}", advice(&status));
    let mut folder = DocumentFolder::open(&root.join(DOCUMENTS), false, Modes::Private)?;
    let place = Place { file: root.join(DOCUMENTS).into(), line: 0 };
    let mut token = String::new();
    loop {
        let request = pb::ListArticlesRequest { page_size: PAGE, page_token: token, ..pb::ListArticlesRequest::default() };
        let call = async |request| connection.knowledge().list_articles(request).await;
        let page = connection.send(request, call).await.map_err(failed)?;
        for article in page.articles {
            write(article_of(article), "articles", &mut folder, &place, &mut account);
        }
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    loop {
        let request = pb::ListCannedAnswersRequest { page_size: PAGE, page_token: token, ..pb::ListCannedAnswersRequest::default() };
        let call = async |request| connection.knowledge().list_canned_answers(request).await;
        let page = connection.send(request, call).await.map_err(failed)?;
        for answer in page.canned_answers {
            write(canned_answer_of(answer), "canned answers", &mut folder, &place, &mut account);
        }
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let wording = wording::fetch(&connection).await.map_err(failed)?;
    let entries = usize::from(wording.voice.is_some()) + wording.glossary.len() + wording.synonyms.values().map(Vec::len).sum::<usize>();
    let written = wording.files().and_then(|files| files.iter().try_for_each(|(name, text)| folder.write_file(name, text)));
    match written {
        Ok(()) => account.count("voice, terms and synonyms", entries as u64),
        Err(problem) => account.broken(&place, problem),
    }
    export_chats(&connection, root, &mut account).await?;
    Ok(account)
}

fn write(document: Result<Document, String>, kind: &'static str, folder: &mut DocumentFolder, place: &Place, account: &mut Account) {
    match document.and_then(|document| folder.write(&document)) {
        Ok(_) => account.count(kind, 1),
        Err(problem) => account.broken(place, problem),
    }
}

fn article_of(article: pb::Article) -> Result<Document, String> {
    let audience = if article.audience() == pb::Audience::Agents { Audience::Agents } else { Audience::Public };
    let pb::Article { id, language, title, body, category, tags, updated_at, audience: _, url, from_folder: _, asked, etag: _ } = article;
    let details = Details::Article { audience, url };
    document(id, &language, (title, body), category, (tags, asked), updated_at, details)
}

fn canned_answer_of(answer: pb::CannedAnswer) -> Result<Document, String> {
    let visibility = answer.visibility();
    let pb::CannedAnswer {
        id,
        language,
        title,
        body,
        category,
        tags,
        updated_at,
        shortcut,
        visibility: _,
        owner_group,
        owner_agent_id,
        from_folder: _,
        asked,
        when,
        etag: _,
    } = answer;
    let visibility = match visibility {
        pb::Visibility::Unspecified | pb::Visibility::Everyone => Visibility::Everyone,
        pb::Visibility::Group => Visibility::Group(owner_group),
        pb::Visibility::Agent => Visibility::Agent(owner_agent_id),
    };
    let when = Conditions::try_from(when).map_err(|problem| format!("a condition of `{id}`: {problem}"))?;
    document(id, &language, (title, body), category, (tags, asked), updated_at, Details::CannedAnswer { shortcut, visibility, when })
}

fn document(
    id: String,
    language: &str,
    (title, body): (String, String),
    category: String,
    (tags, asked): (Vec<String>, Vec<String>),
    updated_at: Option<prost_types::Timestamp>,
    details: Details,
) -> Result<Document, String> {
    let updated_at = updated_at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok()).unwrap_or_default();
    let language = Language::parse(language)?;
    let id = Id::new(id)?;
    Ok(Document { id, language, title, body, category, tags, asked, from_folder: false, updated_at, withdrawn: false, details })
}

/// Writes a chat a line, by when they were opened and then by their ids, so that the same chats make the same file.
async fn export_chats(connection: &Connection, root: &Path, account: &mut Account) -> anyhow::Result<()> {
    let failed = |status: Status| anyhow!("{}", advice(&status));
    let mut chats: Vec<((i64, i32), String)> = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = pb::ListChatsRequest { page_size: PAGE, page_token, ..pb::ListChatsRequest::default() };
        let call = async |request| connection.chats().list_chats(request).await;
        let page = connection.send(request, call).await.map_err(failed)?;
        let opened = |chat: &pb::Chat| chat.opened_at.as_ref().map(|at| (at.seconds, at.nanos)).unwrap_or_default();
        chats.extend(page.chats.into_iter().map(|chat| (opened(&chat), chat.chat_id)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    chats.sort();
    let path = root.join(CHATS);
    let format = Format::new()?;
    let mut file = BufWriter::new(private_file(&path).with_context(|| format!("can't write `{}`", path.display()))?);
    let fetched = stream::iter(chats.into_iter().map(|(_, chat_id)| fetch(connection, chat_id))).buffered(IN_FLIGHT);
    let mut fetched = std::pin::pin!(fetched);
    while let Some(chat) = fetched.next().await {
        // Erased meanwhile.
        let Some(chat) = chat.map_err(failed)? else { continue };
        account.count("chats", 1);
        account.count("events", chat.events.len() as u64);
        let line = format.line(&chat)?;
        writeln!(file, "{line}").with_context(|| format!("can't write `{}`", path.display()))?;
    }
    let written = file.into_inner().map_err(|error| error.into_error()).and_then(|file| file.sync_all());
    written.with_context(|| format!("can't write `{}`", path.display()))
}

fn private_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// All events of a chat; `None` if there is no such chat any more.
async fn fetch(connection: &Connection, chat_id: String) -> Result<Option<pb::AppendEventsRequest>, Status> {
    let mut events: Vec<pb::Event> = Vec::new();
    loop {
        let after_sequence = events.last().map_or(0, |event| event.sequence);
        let request = pb::GetChatRequest { chat_id: chat_id.clone(), after_sequence, page_size: PAGE };
        let call = async |request| connection.chats().get_chat(request).await;
        let page = match connection.send(request, call).await {
            Ok(page) => page,
            Err(status) if status.code() == tonic::Code::NotFound => return Ok(None),
            Err(status) => return Err(status),
        };
        let last = page.chat.map_or(0, |chat| chat.last_sequence);
        let is_end = page.events.is_empty();
        events.extend(page.events);
        if is_end || events.last().is_none_or(|event| event.sequence >= last) {
            break;
        }
    }
    // The numbers are the order of the lines.
    events.iter_mut().for_each(|event| event.sequence = 0);
    Ok(Some(pb::AppendEventsRequest { chat_id, events }))
}
