//! `deskhand audit`: shows the audit log.

use std::{io::Write, process::ExitCode};

use anyhow::Context;
use clap::{Arg, ArgAction, ArgMatches, Command};
use jiff::{Timestamp, ToSpan, Zoned};

use crate::{
    cli::serve::{config_flag, config_of},
    config,
    ids::Workspace,
    keys::{Audit, AuditEntry, AuditSubject, MAX_AUDIT_ENTRIES},
};

const DEFAULT_DAYS: &str = "30";

pub fn command() -> Command {
    Command::new("audit")
        .about("Show who exported, erased, deleted, made and revoked keys, or changed settings, by the id of the key")
        .after_help(
            "One line for each entry: time, workspace, key id, action, subject. `command` stands for a command on the machine, `-` for a caller \
             of a server without keys. Customers and chats are keyed hashes; name one to see what was done with it: \
             `deskhand audit --customer 4711`. Entries are kept for two years.",
        )
        .arg(config_flag())
        .args(config::storage_flags())
        .arg(Arg::new("days").long("days").value_name("NUMBER").default_value(DEFAULT_DAYS).value_parser(clap::value_parser!(i64).range(1..=3650)).help("Show the last so many days"))
        .arg(Arg::new("workspace").long("workspace").value_name("NAME").help("Show entries of this workspace alone [default: all; with --customer or --chat: default]"))
        .arg(Arg::new("customer").long("customer").value_name("ID").help("Show what was done with this customer's data"))
        .arg(Arg::new("chat").long("chat").value_name("ID").conflicts_with("customer").help("Show what was done with this chat"))
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Write an object a line"))
}

pub fn run(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let config = config_of(matches)?;
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let subject = text("customer").map(AuditSubject::Customer).or_else(|| text("chat").map(AuditSubject::Chat));
    let days = matches.get_one::<i64>("days").copied().unwrap_or_default();
    let start = Zoned::now().checked_sub(days.days()).context("so many days ago is before the calendar begins")?.timestamp();
    crate::cli::block_on(async {
        // The hashes need the database's own key, which a read-only database does not read.
        let store = crate::cli::keys::open(&config).await?;
        let audit = Audit::new(store.clone());
        let entries = shown(&audit, start, text("workspace"), subject).await;
        store.close().await;
        let mut out = std::io::stdout();
        for entry in entries? {
            writeln!(out, "{}", if matches.get_flag("json") { json(&entry) } else { line(&entry) })?;
        }
        Ok(ExitCode::SUCCESS)
    })?
}

async fn shown(
    audit: &Audit,
    start: Timestamp,
    workspace: Option<&str>,
    subject: Option<AuditSubject<'_>>,
) -> anyhow::Result<Vec<AuditEntry>> {
    let mut entries = audit.since(start).await.context("can't read the audit log")?;
    if entries.len() == MAX_AUDIT_ENTRIES {
        eprintln!("there are more entries than the newest {MAX_AUDIT_ENTRIES}, which were read; ask for fewer --days");
    }
    let workspace = workspace.or(subject.map(|_| Workspace::DEFAULT));
    entries.retain(|entry| workspace.is_none_or(|workspace| entry.workspace == workspace));
    if let Some(subject) = subject {
        let wanted = audit.shown(workspace.unwrap_or_default(), subject);
        entries.retain(|entry| entry.subject == wanted);
    }
    Ok(entries)
}

fn line(entry: &AuditEntry) -> String {
    let AuditEntry { at, workspace, key_id, action, subject } = entry;
    let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    format!("{at:.0}  {}  {}  {action}  {subject}", or_dash(workspace), or_dash(key_id))
}

fn json(entry: &AuditEntry) -> String {
    let AuditEntry { at, workspace, key_id, action, subject } = entry;
    serde_json::json!({ "time": at.to_string(), "workspace": workspace, "key_id": key_id, "action": action, "subject": subject })
        .to_string()
}
