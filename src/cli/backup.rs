//! `deskhand backup` and `deskhand restore`: a verified online copy of the database, and its restore.

use std::{
    fs,
    io::{IsTerminal, stderr},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, ensure};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::{
    app,
    chats::ChatLog,
    cli::serve::{config_flag, config_of},
    config::{self, Config},
    replies::{ERASURES_FILE, Erasures, erase_again, on_redaction},
    server::lock,
    store::{
        Store,
        backup::{self, Contents},
        files,
    },
};

/// How often the progress of a copy is printed.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

pub fn backup_command() -> Command {
    Command::new("backup")
        .about("Copy the database to a file, also while the server runs, and verify the copy")
        .after_help(format!(
            "The copy is a consistent snapshot of the database: chats, documents, outcomes. It does not contain the search index, which is rebuilt. Keep the data folder's file `{ERASURES_FILE}` out of backups: it lists the erasures to repeat when an older backup brings erased people back. Back up a PostgreSQL database with pg_dump."
        ))
        .arg(Arg::new("file").value_name("FILE").required(true).value_parser(value_parser!(PathBuf)).help("Where to write the copy; the file must not exist yet"))
        .arg(config_flag())
        .args(config::storage_flags())
}

pub fn restore_command() -> Command {
    Command::new("restore")
        .about("Restore the database from a backup; people erased since it was made are erased again")
        .after_help("Stop the server first. The backup is verified before anything is replaced, and is not changed.")
        .arg(Arg::new("file").value_name("FILE").required(true).value_parser(value_parser!(PathBuf)).help("The backup"))
        .arg(
            Arg::new("replace")
                .long("replace")
                .action(ArgAction::SetTrue)
                .help("Replace the existing database: data that is not in the backup is lost"),
        )
        .arg(config_flag())
        .args(config::storage_flags())
}

pub fn run_backup(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let target = matches.get_one::<PathBuf>("file").expect("it is required");
    let config = config_of(matches)?;
    let url = database_url(&config)?;
    ensure!(!target.exists(), "`{}` already exists; name another file", target.display());
    let database = Store::sqlite_file(&config.data);
    ensure!(
        config.database_url.is_some() || database.is_file(),
        "there is no database `{}`; name the data folder with --data",
        database.display()
    );
    let size = fs::metadata(&database).map(|file| file.len()).unwrap_or_default();
    let contents = crate::cli::block_on(async {
        let copy = backup::back_up(&url, target);
        tokio::pin!(copy);
        loop {
            tokio::select! {
                done = &mut copy => return done,
                () = tokio::time::sleep(PROGRESS_INTERVAL) => print_progress(target, size),
            }
        }
    })?
    .with_context(|| format!("can't write the backup `{}`", target.display()))?;
    println!("{}", sentence(&contents, &format!("backed up to `{}`", target.display())));
    Ok(ExitCode::SUCCESS)
}

pub fn run_restore(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let file = matches.get_one::<PathBuf>("file").expect("it is required");
    let config = config_of(matches)?;
    ensure!(
        config.database_url.is_none(),
        "only the SQLite database in a data folder can be restored; name another data folder with --data, or use the other database's own tools"
    );
    ensure!(file.is_file(), "no such file: `{}`", file.display());
    files::make_folder(&config.data).with_context(|| format!("can't create the data folder `{}`", config.data.display()))?;
    let _lock = lock(&config.data)?;
    let database = Store::sqlite_file(&config.data);
    ensure!(
        !database.exists() || matches.get_flag("replace"),
        "the database `{}` already exists; --replace overwrites it with the backup, and data that is not in the backup is lost",
        database.display()
    );
    let (contents, people) = crate::cli::block_on(restore(file, &config))??;
    println!("{}", sentence(&contents, &format!("restored to `{}`", config.data.display())));
    if people > 0 {
        println!("erased again: {people} people who had been erased since the backup was made");
    }
    Ok(ExitCode::SUCCESS)
}

async fn restore(file: &Path, config: &Config) -> anyhow::Result<(Contents, u64)> {
    let contents = backup::restore(file, &Store::sqlite_file(&config.data))
        .await
        .with_context(|| format!("can't restore the backup `{}`; nothing was replaced", file.display()))?;
    // The index follows the database by sequence numbers, which start over in the restored one.
    let index = config.data.join("index");
    if index.exists() {
        fs::remove_dir_all(&index).with_context(|| format!("can't remove the old index `{}`; remove it by hand", index.display()))?;
    }
    let store = Store::open(&Store::sqlite_url(&config.data)).await.context("can't open the restored database")?;
    let log = ChatLog::start(store.clone(), config.languages(), on_redaction);
    let erasures = match &config.erasures_url {
        Some(url) => Erasures::in_database(Store::open_beside(url).await?).await?,
        None => app::erasures_in_folder(&config.data)?,
    };
    let (people, _) = erase_again(&store, &log, &erasures).await.context("can't repeat earlier erasures; start the server to try again")?;
    store.close().await;
    Ok((contents, people))
}

fn database_url(config: &Config) -> anyhow::Result<String> {
    match &config.database_url {
        Some(url) if !url.starts_with("sqlite:") => {
            anyhow::bail!("`database_url` names a PostgreSQL database; back it up with pg_dump")
        }
        Some(url) => Ok(url.clone()),
        None => Ok(Store::sqlite_url(&config.data)),
    }
}

fn print_progress(target: &Path, size: u64) {
    if stderr().is_terminal() {
        let mut partial = target.as_os_str().to_owned();
        partial.push(".partial");
        let copied = fs::metadata(partial).map(|file| file.len()).unwrap_or_default();
        eprint!("\rcopied {} of about {} MB", copied / 1_000_000, size / 1_000_000);
    }
}

fn sentence(contents: &Contents, what: &str) -> String {
    let Contents { chats, events, documents } = contents;
    format!("{what}: {chats} chats with {events} events, {documents} documents; the copy was verified")
}
