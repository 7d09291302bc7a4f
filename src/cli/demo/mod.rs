//! `deskhand demo`: serves the sample shop and walks through one of its chats as a console would.

pub mod page;
pub mod recorded;
pub mod verdict;
pub mod walk;

use std::{net::SocketAddr, path::Path, process::ExitCode};

use clap::{Arg, ArgAction, ArgMatches, Command};
use rust_embed::{Embed, EmbeddedFile};

use crate::{
    cli::{sample_shop, scratch_folder},
    config::{self, Config},
    server::Server,
    telemetry,
};

/// The sample shop's chats: each file is an AppendEventsRequest.
#[derive(Embed)]
#[folder = "sample-chats"]
struct SampleChats;

pub fn command() -> Command {
    Command::new("demo")
        .about("Serve the sample shop on loopback and walk through one of its chats, as a console would")
        .after_help("Needs no key, no network and no settings. With OPENAI_BASE_URL, OPENAI_API_KEY and DESKHAND_MODEL it uses that model; \
             without, it shows a recorded stream of one, marked as such. Whatever a model does is shown and the walk goes on: the exit code is 0 unless Deskhand itself fails.")
        .arg(Arg::new("once").long("once").action(ArgAction::SetTrue).help("Exit after the walk-through instead of serving on"))
        .args(config::flags())
}

pub fn run(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let mut config = Config::read(None, matches)?;
    telemetry::start(if matches.value_source("log").is_some() { &config.log } else { "error" });
    // The demo stores its data in a temporary folder, unless a folder was given.
    let scratch = scratch_folder()?;
    if matches.value_source("data").is_none() {
        config.data = scratch.path().join("data");
        config.database_url = None;
    }
    if !config.knowledge_base.as_deref().is_some_and(Path::is_dir) {
        config.knowledge_base = Some(sample_shop::unpack(scratch.path())?);
    }
    let once = matches.get_flag("once");
    config.console = true;
    crate::cli::block_on(demo(config, matches.value_source("listen").is_some(), once))??;
    Ok(ExitCode::SUCCESS)
}

async fn demo(mut config: Config, listen_given: bool, once: bool) -> anyhow::Result<()> {
    let models = config.models.clone();
    let folder = config.knowledge_base.clone().unwrap_or_default();
    // A demo beside a running server takes a free port instead of failing.
    if !listen_given && tokio::net::TcpListener::bind(config.listen).await.is_err() {
        config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    }
    let server = Server::start(config).await?;
    let mut chats: Vec<(String, EmbeddedFile)> =
        SampleChats::iter().filter_map(|name| Some((name.to_string(), SampleChats::get(&name)?))).collect();
    chats.sort_by(|one, other| one.0.cmp(&other.0));
    let chats: Vec<(String, Vec<u8>)> = chats.into_iter().map(|(name, file)| (name, file.data.into_owned())).collect();

    let result = walk::walk(server.address, &models, &chats).await;
    if result.is_ok() && !once {
        page::invite(server.address, &folder);
        tokio::signal::ctrl_c().await?;
        println!();
    }
    server.stop().await;
    result
}
