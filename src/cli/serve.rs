//! `deskhand serve`: runs the server until SIGTERM or Ctrl-C.

use std::{
    io::{Write, stdout},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    config::{self, Config},
    server::Server,
    telemetry,
};

/// The configuration file if none is named and this one exists.
const DEFAULT_FILE: &str = "deskhand.toml";

pub fn command() -> Command {
    Command::new("serve")
        .about("Run the server for consoles and help pages")
        .after_help("Every setting is also a key of the configuration file; `deskhand.example.toml` explains them. Flags win over variables, variables over the file.")
        .arg(config_flag())
        .arg(
            Arg::new("allow_mass_delete")
                .long("allow-mass-delete")
                .action(ArgAction::SetTrue)
                .help("Allow the knowledge base folder to delete more than half of the documents imported from it, at this start"),
        )
        .args(config::flags())
}

/// The flag that names the configuration file.
pub fn config_flag() -> Arg {
    Arg::new("config")
        .long("config")
        .env("DESKHAND_CONFIG")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("Configuration file [default: deskhand.toml, if it exists]")
}

/// Reads the configuration that a command's arguments select.
pub fn config_of(matches: &ArgMatches) -> anyhow::Result<Config> {
    let given = matches.get_one::<PathBuf>("config").map(PathBuf::as_path);
    let file = given.or_else(|| Some(Path::new(DEFAULT_FILE)).filter(|file| file.exists()));
    Ok(Config::read(file, matches)?)
}

pub fn run(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let mut config = config_of(matches)?;
    config.allow_mass_delete = matches.get_flag("allow_mass_delete");
    telemetry::start(&config.log);
    crate::cli::block_on(serve(config))??;
    Ok(ExitCode::SUCCESS)
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let models: Vec<String> = config.models.iter().map(|model| format!("{} at {}", model.name, model.base_url)).collect();
    let embedding = config.embedding.endpoint(config.models.first());
    let embedding = embedding.map_or_else(String::new, |endpoint| format!("\nembeddings: {} at {}", endpoint.model, endpoint.base_url));
    let scheme = if config.tls_certificate.is_some() { "https" } else { "http" };
    let console = config.console;
    let workspaces: Vec<String> = config.workspaces().iter().map(|workspace| workspace.name.to_string()).collect();
    let server = Server::start(config).await?;
    let model =
        if models.is_empty() { "none; the built-in engine does what it can without one".to_owned() } else { models.join(", then ") };
    let keys = match (server.needs_keys, server.address.ip().is_loopback()) {
        (true, _) => "required; `deskhand keys list` shows them",
        (false, true) => {
            "none, so every call from this machine is accepted, as workspace `default` with every scope; other machines can't connect"
        }
        (false, false) => "none, so every call from any machine is accepted, as workspace `default` with every scope",
    };
    let pages = format!("{scheme}://{}/help{}", server.address, if console { " and /console" } else { "" });
    // Standard output may be closed; the server runs all the same.
    let _ = writeln!(
        stdout(),
        "listening on {}\nkeys: {keys}\nworkspaces: {}\nmodel: {model}{embedding}\npages: {pages}",
        server.address,
        workspaces.join(", ")
    );
    tokio::select! {
        _ = terminated.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    tracing::info!("stopping");
    server.stop().await;
    Ok(())
}
