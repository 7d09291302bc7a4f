//! `deskhand keys`: creates, lists and revokes API keys, also while the server runs.

use std::{io::Write, process::ExitCode};

use anyhow::{Context, bail};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

use crate::{
    cli::serve::{config_flag, config_of},
    config::{self, Config, TokenLimits},
    ids::Workspace,
    keys::{self, Action, Actor, Audit, AuditSubject, Key, NewKey, Origin, Scope},
    store::{Store, files},
};

/// Ten years.
const MAX_LIFETIME_HOURS: i64 = 3650 * 24;
/// Default rate limit of a publishable key, in calls per second.
const DEFAULT_PUBLISHABLE_RATE: u32 = 50;

pub fn command() -> Command {
    let shared = |command: Command| command.arg(config_flag()).args(config::storage_flags());
    let number = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name.replace('_', "-")).value_name("NUMBER").value_parser(value_parser!(u64).range(1..=1 << 40)).help(help)
    };
    let create = Command::new("create")
        .about("Create a key; it is shown only once")
        .after_help(
            "Only the key is written to standard output. A key whose only scope is `search` is publishable: it may be embedded in a help page, \
             finds public articles only, and pages from its origins may call with it (CORS).\n\n\
             Examples:\n  deskhand keys create --scope search --origin https://shop.example\n  \
             deskhand keys create --workspace rose --scope agent --scope author > rose.key",
        )
        .arg(
            Arg::new("workspace")
                .long("workspace")
                .short('w')
                .value_name("NAME")
                .default_value("default")
                .help("Workspace of the key"),
        )
        .arg(
            Arg::new("scope")
                .long("scope")
                .short('s')
                .value_name("SCOPE")
                .required(true)
                .action(ArgAction::Append)
                .value_delimiter(',')
                .value_parser(|word: &str| word.parse::<Scope>())
                .help("What the key may do: search, agent, author, admin; repeatable"),
        )
        .arg(
            Arg::new("origin")
                .long("origin")
                .short('o')
                .value_name("ORIGIN")
                .action(ArgAction::Append)
                .value_delimiter(',')
                .value_parser(|text: &str| text.parse::<Origin>())
                .help("Origin of web pages that may call with it (CORS), such as https://shop.example; repeatable"),
        )
        .arg(
            Arg::new("rate")
                .long("rate")
                .value_name("NUMBER")
                .value_parser(value_parser!(u32).range(1..=1_000_000))
                .help("Rate limit in calls per second [default: 50 for a publishable key, else no limit]"),
        )
        .arg(
            Arg::new("expires")
                .long("expires")
                .value_name("TIME")
                .value_parser(lifetime)
                .help("How long it is valid, such as 30d or 12h [default: until it is revoked]"),
        )
        .arg(number("tokens_per_minute", "Limit on model tokens per minute [default: only the workspace's limit]"))
        .arg(number("tokens_per_day", "Limit on model tokens per day [default: only the workspace's limit]"));
    let revoke = Command::new("revoke")
        .about("Revoke a key; a running server notices within two seconds")
        .arg(Arg::new("key_id").value_name("ID").required(true).help("The key's public id, as `keys list` shows it, or the whole key"));
    Command::new("keys")
        .about("Create, list and revoke the API keys of consoles and help pages")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(shared(create))
        .subcommand(shared(Command::new("list").about("List the keys, without their secrets, which are not stored")))
        .subcommand(shared(revoke))
}

pub fn run(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let (name, matches) = matches.subcommand().context("a command is missing")?;
    let config = config_of(matches)?;
    crate::cli::block_on(async {
        let store = if name == "list" { crate::cli::open_read_only(&config, &Workspace::default()).await? } else { open(&config).await? };
        let done = match name {
            "create" => create(&store, &config, matches).await,
            "list" => list(&store).await,
            _ => revoke(&store, matches).await,
        };
        store.close().await;
        done
    })?
}

/// Opens the database of the keys.
pub async fn open(config: &Config) -> anyhow::Result<Store> {
    files::make_folder(&config.data).with_context(|| format!("can't create the data folder `{}`", config.data.display()))?;
    let url = config.database_url.clone().unwrap_or_else(|| Store::sqlite_url(&config.data));
    Store::open(&url).await.context("can't open the database")
}

async fn create(store: &Store, config: &Config, matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let name = matches.get_one::<String>("workspace").map_or(Workspace::DEFAULT, String::as_str);
    let workspaces = config.workspaces();
    let names: Vec<&str> = workspaces.iter().map(|workspace| workspace.name.as_str()).collect();
    let workspace = workspaces.iter().map(|workspace| &workspace.name).find(|known| known.as_str() == name);
    let workspace = workspace.with_context(|| {
        format!("unknown workspace `{name}`; the configuration has {}; add a table `[workspaces.{name}]` to create it", names.join(", "))
    })?;
    let mut scopes: Vec<Scope> = matches.get_many("scope").into_iter().flatten().copied().collect();
    scopes.sort_unstable();
    scopes.dedup();
    let publishable = scopes == [Scope::Search];
    let count = |name: &str| matches.get_one::<u64>(name).copied();
    let new = NewKey {
        workspace: workspace.clone(),
        origins: matches.get_many("origin").into_iter().flatten().cloned().collect(),
        calls_per_second: matches.get_one("rate").copied().or(publishable.then_some(DEFAULT_PUBLISHABLE_RATE)),
        token_limits: TokenLimits { per_minute: count("tokens_per_minute"), per_day: count("tokens_per_day") },
        scopes,
    };
    let lifetime = matches.get_one::<SignedDuration>("expires");
    let expires_at = lifetime.map(|lifetime| Timestamp::now().checked_add(*lifetime)).transpose()?;
    let (key, shown) = keys::create_until(store, new, expires_at).await?;
    record(store, Some(&key.workspace), Action::CreateKey, &key.key_id).await?;
    eprintln!("key {} of workspace `{}`; it is shown only this once:", key.key_id, key.workspace);
    writeln!(std::io::stdout(), "{shown}")?;
    if publishable && key.origins.is_empty() {
        eprintln!("only the server's own pages may call with it; allow others with --origin");
    }
    Ok(ExitCode::SUCCESS)
}

/// A time such as `30d`; a day has 24 hours.
fn lifetime(text: &str) -> Result<SignedDuration, String> {
    let days = SpanRelativeTo::days_are_24_hours();
    let lifetime = text.parse::<Span>().and_then(|span| span.to_duration(days)).ok();
    let allowed = SignedDuration::from_secs(1)..=SignedDuration::from_hours(MAX_LIFETIME_HOURS);
    lifetime.filter(|lifetime| allowed.contains(lifetime)).ok_or_else(|| "it must be a time such as 30d or 12h, at most 3650d".to_owned())
}

async fn list(store: &Store) -> anyhow::Result<ExitCode> {
    let keys = keys::list(store).await?;
    if keys.is_empty() {
        eprintln!("there are no keys, so a server on loopback accepts every call; create one with `deskhand keys create`");
    }
    let mut out = std::io::stdout();
    for key in &keys {
        writeln!(out, "{}", line(key))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn line(key: &Key) -> String {
    let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.word()).collect();
    let mut line = format!("{}  {}  {}  created {:.0}", key.key_id, key.workspace, scopes.join(","), key.created_at);
    if let Some(rate) = key.calls_per_second {
        line += &format!("  {rate} calls/s");
    }
    for (tokens, span) in [(key.token_limits.per_minute, "minute"), (key.token_limits.per_day, "day")] {
        line += &tokens.map(|tokens| format!("  {tokens} tokens/{span}")).unwrap_or_default();
    }
    for origin in &key.origins {
        line += &format!("  {origin}");
    }
    line += &key.expires_at.map(|at| format!("  {} {at:.0}", if key.is_over() { "EXPIRED" } else { "expires" })).unwrap_or_default();
    line += &key.revoked_at.map(|at| format!("  REVOKED {at:.0}")).unwrap_or_default();
    line
}

async fn revoke(store: &Store, matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let given = matches.get_one::<String>("key_id").map_or("", String::as_str);
    if given.starts_with("dha_") {
        bail!("a key for one agent ends by itself; to end it now, revoke the key that made it, which ends all that it made");
    }
    let key_id = given.strip_prefix("dh_").and_then(|rest| rest.split('_').next()).unwrap_or(given);
    if !keys::revoke(store, key_id).await? {
        let known = keys::list(store).await?.iter().any(|key| key.key_id == key_id);
        bail!("key {key_id} {}", if known { "is already revoked" } else { "is unknown; `deskhand keys list` shows all keys" });
    }
    record(store, None, Action::RevokeKey, key_id).await?;
    eprintln!("key {key_id} is revoked");
    Ok(ExitCode::SUCCESS)
}

async fn record(store: &Store, workspace: Option<&Workspace>, action: Action, key_id: &str) -> anyhow::Result<()> {
    let audit = Audit::new(store.clone());
    let recorded = audit.record(workspace, Actor::Command, action, AuditSubject::Named(key_id)).await;
    recorded.context("done, but it can't be recorded in the audit log")
}
