//! The command line, one file per command.

mod audit;
mod backup;
mod call;
mod check;
mod connection;
mod demo;
mod document_folder;
mod dynamic;
mod enrich;
mod eval;
mod eval_drafts;
mod eval_personal;
mod eval_rewrites;
mod export;
mod generate;
mod health;
mod import;
mod keys;
mod migrate;
mod model_metrics;
mod model_trial;
mod models;
mod prompt;
mod put;
mod sample_shop;
mod serve;
mod wording;

use std::{ffi::OsString, process::ExitCode};

use anyhow::Context;
use clap::Command;

use crate::{
    config::{Config, ConfigError},
    ids::Workspace,
    store::Store,
};

/// Exit code for invalid arguments or settings; the same as clap's.
const BAD_ARGUMENTS: u8 = 2;

/// Parses the arguments, runs the command and returns its exit code: 0 for success, 1 for failure, 2 for invalid arguments or an invalid
/// configuration.
pub fn run() -> ExitCode {
    run_with(std::env::args_os())
}

fn run_with(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let matches = command().get_matches_from(arguments);
    let done = match matches.subcommand() {
        Some(("serve", matches)) => serve::run(matches),
        Some(("demo", matches)) => demo::run(matches),
        Some(("check", matches)) => check::run(matches),
        Some(("enrich", matches)) => enrich::run(matches),
        Some(("call", matches)) => call::run(matches),
        Some(("import", matches)) => import::run(matches),
        Some(("put", matches)) => put::run(matches),
        Some(("export", matches)) => export::run(matches),
        Some(("eval", matches)) => eval::run(matches),
        Some(("eval-drafts", matches)) => eval_drafts::run(matches),
        Some(("eval-personal", matches)) => eval_personal::run(matches),
        Some(("eval-replies", matches)) => eval::replies::run(matches),
        Some(("eval-rewrites", matches)) => eval_rewrites::run(matches),
        Some(("keys", matches)) => keys::run(matches),
        Some(("models", matches)) => models::run(matches),
        Some(("prompt", matches)) => prompt::run(matches),
        Some(("health", matches)) => health::run(matches),
        Some(("audit", matches)) => audit::run(matches),
        Some(("migrate", matches)) => migrate::run(matches),
        Some(("backup", matches)) => backup::run_backup(matches),
        Some(("restore", matches)) => backup::run_restore(matches),
        _ => unreachable!("clap requires a subcommand"),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            let invalid_config = error.chain().any(|cause| cause.is::<ConfigError>());
            if invalid_config { ExitCode::from(BAD_ARGUMENTS) } else { ExitCode::FAILURE }
        }
    }
}

fn command() -> Command {
    Command::new("deskhand")
        .version(env!("CARGO_PKG_VERSION"))
        .about("The service behind a helpdesk's reply box: drafts, rewrites, suggestions, help search, and the context of every chat")
        .after_help("Start with `deskhand demo`: it needs no key, no network and no settings.")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(serve::command())
        .subcommand(demo::command())
        .subcommand(check::command())
        .subcommand(enrich::command())
        .subcommand(call::command())
        .subcommand(import::command())
        .subcommand(put::command())
        .subcommand(export::command())
        .subcommand(eval::command())
        .subcommand(eval_drafts::command())
        .subcommand(eval_personal::command())
        .subcommand(eval::replies::command())
        .subcommand(eval_rewrites::command())
        .subcommand(keys::command())
        .subcommand(models::command())
        .subcommand(prompt::command())
        .subcommand(health::command())
        .subcommand(audit::command())
        .subcommand(migrate::command())
        .subcommand(backup::backup_command())
        .subcommand(backup::restore_command())
}

/// Opens the database of a workspace for a read-only command.
async fn open_read_only(config: &Config, workspace: &Workspace) -> anyhow::Result<Store> {
    let own = config.workspace_databases.get(workspace).or(config.database_url.as_ref());
    let url = own.cloned().unwrap_or_else(|| Store::sqlite_url(&config.data));
    Store::open_read_only(&url).await.context("can't read the database")
}

/// Runs a future to its end on a runtime of its own.
fn block_on<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(work);
    // Tasks that still run had their time to drain.
    runtime.shutdown_background();
    Ok(done)
}

/// A folder of a command's own, which is removed when the command ends.
fn scratch_folder() -> anyhow::Result<tempfile::TempDir> {
    tempfile::Builder::new().prefix("deskhand-").tempdir().context("a temporary folder can't be made")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_arguments_fit_together() {
        super::command().debug_assert();
    }
}
