//! `deskhand migrate`: what an upgrade does to the database, told or done.

use std::process::ExitCode;

use anyhow::Context;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::{
    cli::serve::{config_flag, config_of},
    config::{self, Config},
    server::lock,
    store::{
        Store, files,
        migrations::{self, Pending, Plan, Step},
        partitions,
    },
};

pub fn command() -> Command {
    Command::new("migrate")
        .about("Migrate the database's schema, or tell what would be done")
        .after_help(
            "A server migrates at its start what the version before can serve beside (expand). What takes away what that version still needs \
             (contract) is done by `deskhand migrate --contract` alone, once all servers are upgraded. On PostgreSQL servers may run \
             meanwhile; stop the server of a SQLite database first.",
        )
        .arg(Arg::new("plan").long("plan").action(ArgAction::SetTrue).help("Tell what is pending, and change nothing"))
        .arg(
            Arg::new("contract")
                .long("contract")
                .action(ArgAction::SetTrue)
                .conflicts_with("plan")
                .help("Also take away what only older versions need; their servers fail from then on"),
        )
        .arg(config_flag())
        .args(config::storage_flags())
}

pub fn run(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let config = config_of(matches)?;
    let database = Store::sqlite_file(&config.data);
    let is_absent = config.database_url.is_none() && !database.exists();
    if matches.get_flag("plan") {
        if is_absent {
            println!("there is no database `{}` yet; the first start makes it", database.display());
            return Ok(ExitCode::SUCCESS);
        }
        let plan = crate::cli::block_on(migrations::plan(&url(&config)))?.context("can't read the database's schema")?;
        print!("{}", text(&plan));
        return Ok(ExitCode::SUCCESS);
    }
    files::make_folder(&config.data).with_context(|| format!("can't create the data folder `{}`", config.data.display()))?;
    let _lock = if config.database_url.is_none() { Some(lock(&config.data)?) } else { None };
    let done = crate::cli::block_on(migrate(&url(&config), is_absent, matches.get_flag("contract")))??;
    for Pending { version, description, .. } in &done {
        println!("{version:04} {description}: done");
    }
    println!("the database is up to date");
    Ok(ExitCode::SUCCESS)
}

async fn migrate(url: &str, is_absent: bool, contract: bool) -> anyhow::Result<Vec<Pending>> {
    let plan = if is_absent { None } else { Some(migrations::plan(url).await.context("can't read the database's schema")?) };
    let store = if contract { Store::open_contracted(url).await } else { Store::open(url).await };
    store.context("can't migrate the database")?.close().await;
    if !url.starts_with("sqlite:") {
        // A start waits only for a log that is converted at once.
        partitions::make(url).await.context("the schema is migrated, but the log has no partitions")?;
    }
    let runs = |pending: &Pending| contract || pending.step == Step::Expand;
    Ok(plan.map(|plan| plan.pending.into_iter().filter(runs).collect()).unwrap_or_default())
}

fn url(config: &Config) -> String {
    config.database_url.clone().unwrap_or_else(|| Store::sqlite_url(&config.data))
}

fn text(plan: &Plan) -> String {
    let Plan { applied, pending, unpartitioned } = plan;
    let mut text = format!("{applied} migrations were applied, {} are pending\n", pending.len());
    for Pending { version, description, step, comment, changed } in pending {
        let step = match step {
            Step::Expand => "at the next start; servers of the version before go on serving",
            Step::Contract => "by `deskhand migrate --contract`, once all servers are upgraded",
        };
        text.push_str(&format!("\n{version:04} {description}\n  {step}\n  {comment}\n"));
        for (table, rows) in changed {
            text.push_str(&format!("  locks the table `{table}`, of about {rows} rows\n"));
        }
    }
    if let Some(rows) = unpartitioned {
        text.push_str(&format!(
            "\nthe log gets partitions by month\n  at the next start, or by `deskhand migrate`; servers of the version before go on serving\n  \
             reads the table `event`, of about {rows} rows, while it is read and written, then locks it for some milliseconds\n"
        ));
    }
    text
}
