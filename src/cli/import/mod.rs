//! `deskhand import`: takes what another system holds, one file per source.

pub mod account;
mod body;
mod chat;
mod chatwoot;
mod chatwoot_conversations;
mod csv_table;
mod deliver;
mod freescout;
mod intake;
mod intercom;
mod json_file;
mod markdown_tree;
mod mbox;
mod mbox_threads;
pub mod ndjson;
mod object;
mod page;
mod places;
mod publication;
mod words;
mod zammad;
mod zammad_tickets;
mod zendesk;
mod zendesk_tickets;

use std::{
    io::{IsTerminal, stderr},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow};
use clap::{Arg, ArgAction, ArgMatches, Command, parser::ValueSource, value_parser};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc;
use tonic::Status;

use crate::{
    cli::{
        connection::{Connection, server_flags},
        document_folder::{DocumentFolder, Modes},
        import::{
            account::{Account, KNOWN_CHATS, NEW_CHATS, advice},
            body::Bodies,
            intake::Intake,
        },
    },
    text::Language,
};

/// Documents and chats that were read and wait to be brought.
const MAX_WAITING: usize = 256;

/// Reads a source's files into the intake.
type Read = fn(&[PathBuf], &ProgressBar, &mut Intake) -> anyhow::Result<()>;

/// The sources: name, what it reads, and how.
const SOURCES: [(&str, &str, Read); 9] = [
    ("zendesk", "Help Center articles, sections, categories, translations; macros; tickets, one a line", zendesk::read),
    ("intercom", "articles, collections, internal articles; conversations", intercom::read),
    ("chatwoot", "canned responses, portals, articles; conversations with their messages", chatwoot::read),
    ("zammad", "text modules, knowledge base; tickets with their articles", zammad::read),
    ("freescout", "saved replies", freescout::read),
    ("csv", "a table with a header: title and body, and more if it has more", csv_table::read),
    ("markdown", "a tree of Markdown or HTML: Docusaurus, Jekyll, Hugo, a Notion export", markdown_tree::read),
    ("mbox", "mailboxes: each thread of mail becomes a chat", mbox::read),
    ("ndjson", "chats as `deskhand export` writes them, one a line", ndjson::read),
];

pub fn command() -> Command {
    let sources: String = SOURCES.iter().map(|(name, what, _)| format!("\n  {name:<10} {what}")).collect();
    Command::new("import")
        .about("Import help articles, canned answers and chats from another system")
        .after_help(format!(
            "Sources:{sources}\n\n\
             Documents go into a folder with --into, or to a running server; chats go to a server. Ids are made from the source's, so \
             running again writes nothing twice, and a run that was stopped goes on where it stopped. What a file has and Deskhand does not \
             keep is listed with counts and examples. Drafts are left out, and internal texts stay internal. docs/import.md says how to get \
             the files.\n\n\
             Import documents before chats: what agents sent is compared with them, and that is what suggestions learn from. A server with \
             `retention_days` erases imported chats that are older.\n\n\
             Exits with 0 if all was well, with 1 if something was broken, with 2 for arguments that make no sense.\n\n\
             Examples:\n  deskhand import zendesk articles.json sections.json macros.json --into knowledge-base\n  \
             deskhand import zendesk tickets.json --address 127.0.0.1:50051 --dry-run\n  \
             deskhand import csv answers.csv --language tr --into knowledge-base\n  \
             deskhand import markdown docs/ --into knowledge-base --audience agents\n  \
             deskhand import ndjson backup/chats.ndjson --address https://desk.example:443"
        ))
        .arg(Arg::new("source").value_name("SOURCE").required(true).value_parser(SOURCES.map(|(name, ..)| name)).help("Where the files come from"))
        .arg(
            Arg::new("files")
                .value_name("FILE")
                .required(true)
                .num_args(1..)
                .value_parser(value_parser!(PathBuf))
                .help("Files of the source; for `markdown`, files or folders"),
        )
        .arg(
            Arg::new("into")
                .long("into")
                .value_name("FOLDER")
                .value_parser(value_parser!(PathBuf))
                .help("Write documents into this knowledge base folder instead of sending them to a server"),
        )
        .arg(
            Arg::new("replace")
                .long("replace")
                .action(ArgAction::SetTrue)
                .requires("into")
                .help("Overwrite files of the folder that say something else; without it they stay"),
        )
        .arg(Arg::new("dry_run").long("dry-run").short('n').action(ArgAction::SetTrue).help("Say what would come, and write nothing"))
        .arg(
            Arg::new("into_language")
                .long("language")
                .value_name("TAG")
                .help("Language of texts that name none [default: found out from the text]"),
        )
        .arg(
            Arg::new("audience")
                .long("audience")
                .value_name("WHO")
                .value_parser(["public", "agents"])
                .default_value("public")
                .help("Who may see articles of a source that does not say it: csv, markdown"),
        )
        .arg(
            Arg::new("picture_host")
                .long("picture-host")
                .value_name("HOST")
                .action(ArgAction::Append)
                .help("Host whose pictures stay pictures, may be repeated; others become links"),
        )
        .arg(
            Arg::new("own_address")
                .long("own-address")
                .value_name("MAIL")
                .action(ArgAction::Append)
                .help("For mbox: an address or a domain of the shop, may be repeated; mail from it is an agent's"),
        )
        .args(server_flags())
}

pub fn run(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let source = matches.get_one::<String>("source").expect("it is required");
    let (_, _, read) = SOURCES.into_iter().find(|(name, ..)| name == source).ok_or_else(|| anyhow!("unknown source `{source}`"))?;
    let files: Vec<PathBuf> = matches.get_many("files").into_iter().flatten().cloned().collect();
    let into = matches.get_one::<PathBuf>("into");
    if into.is_some() && matches.value_source("address") == Some(ValueSource::CommandLine) {
        return Ok(refused("--into writes into a folder and --address sends to a server; name one of them"));
    }
    if let Some(missing) = files.iter().find(|file| !file.exists()) {
        return Ok(refused(&format!("there is no file `{}`", missing.display())));
    }
    let own: Vec<String> = matches.get_many::<String>("own_address").into_iter().flatten().cloned().collect();
    if source == "mbox" && own.is_empty() {
        return Ok(refused("mbox needs --own-address with an address or a domain of the shop, such as --own-address shop.example"));
    }
    let language = matches.get_one::<String>("into_language").map(|tag| Language::parse(tag)).transpose();
    let Ok(language) = language else { return Ok(refused("--language must be a BCP 47 language tag such as `tr` or `pt-BR`")) };
    let hosts: Vec<String> = matches.get_many::<String>("picture_host").into_iter().flatten().map(|host| host.to_lowercase()).collect();
    if let Some(bad) = hosts.iter().find(|host| host.contains('/') || host.contains(':')) {
        return Ok(refused(&format!("--picture-host `{bad}` must be the name of a host, such as cdn.shop.example")));
    }
    let bodies = Bodies { picture_hosts: hosts.into_iter().collect() };
    let bar = bar(&files);
    let (sender, items) = mpsc::channel(MAX_WAITING);
    let mut intake = Intake::new(bodies, language, sender);
    intake.for_agents = matches.get_one::<String>("audience").is_some_and(|who| who == "agents");
    intake.own_addresses = own.iter().map(|address| address.to_lowercase()).collect();
    let began = Instant::now();
    let dry_run = matches.get_flag("dry_run");
    let work = async {
        let reading_bar = bar.clone();
        let to = match (into, dry_run) {
            (Some(folder), _) => To::Folder(DocumentFolder::open(folder, matches.get_flag("replace"), Modes::Usual)?),
            (None, true) => To::Nowhere,
            (None, false) => To::Server(Connection::open(matches).await?),
        };
        let reading = tokio::task::spawn_blocking(move || {
            let read = read(&files, &reading_bar, &mut intake);
            (intake.account, read)
        });
        let (delivered, end) = match to {
            To::Nowhere => (deliver::count(items).await, Ok(())),
            To::Folder(folder) => (deliver::into_folder(items, folder, dry_run).await, Ok(())),
            To::Server(connection) => deliver::to_server(items, &connection).await,
        };
        let (mut account, read) = reading.await.context("reading the files failed")?;
        account.add(delivered);
        anyhow::Ok((account, read, end))
    };
    let done: (Account, anyhow::Result<()>, Result<(), Status>) = crate::cli::block_on(Box::pin(work))??;
    bar.finish_and_clear();
    finish(done, dry_run, began.elapsed())
}

/// Where it goes.
enum To {
    Nowhere,
    Folder(DocumentFolder),
    Server(Connection),
}

fn finish(
    (account, read, end): (Account, anyhow::Result<()>, Result<(), Status>),
    dry_run: bool,
    took: Duration,
) -> anyhow::Result<ExitCode> {
    if dry_run {
        println!("a dry run: nothing was written; this would come:");
    }
    account.print();
    end.map_err(|status| anyhow!("{}", advice(&status)))?;
    read?;
    if account.came() == 0 && !account.is_broken() {
        println!("nothing to import was found; see `deskhand import --help` for what each source reads");
    }
    let chats = account.counted(NEW_CHATS) + account.counted(KNOWN_CHATS);
    if chats > 0 {
        println!("{chats} chats in {:.1} s", took.as_secs_f64());
    }
    Ok(if account.is_broken() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn refused(problem: &str) -> ExitCode {
    eprintln!("error: {problem}");
    ExitCode::from(crate::cli::BAD_ARGUMENTS)
}

/// A bar over the bytes of all files, on a terminal alone.
fn bar(files: &[PathBuf]) -> ProgressBar {
    let bytes = files.iter().filter_map(|file| Some(file.metadata().ok()?.len())).sum();
    let target = if stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {eta}").unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(bytes), target).with_style(style)
}
