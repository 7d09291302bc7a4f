//! `deskhand serve`: runs the server until SIGTERM or Ctrl-C.

use std::{
    io::{Write, stdout},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    cli::model_trial::try_models,
    config::{self, Config, ModelConfig},
    server::Server,
    store::Store,
    telemetry::{self, TraceExporter},
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
    let traces = config.otlp_endpoint.as_deref().map(TraceExporter::new).transpose().context("can't prepare the export of traces")?;
    telemetry::start_server(&config.log, config.log_as_json, traces.as_ref());
    crate::cli::block_on(serve(config))??;
    Ok(ExitCode::SUCCESS)
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let models: Vec<String> = config.models.iter().map(|model| format!("{} at {}", model.name, model.base_url)).collect();
    let embedder = config.embedding.endpoint(config.models.first());
    let embedding =
        embedder.as_ref().map_or_else(String::new, |endpoint| format!("\nembeddings: {} at {}", endpoint.model, endpoint.base_url));
    let scheme = if config.tls_certificate.is_some() { "https" } else { "http" };
    let console = config.console;
    let workspaces: Vec<String> = config.workspaces().iter().map(|workspace| workspace.name.to_string()).collect();
    let places = places(&config);
    let own = config.workspaces.iter().flat_map(|workspace| workspace.models.iter().flatten());
    let models_to_try: Vec<ModelConfig> = config.models.iter().chain(own).cloned().collect();
    let trial = AbortOnDropHandle::new(tokio::spawn(try_models(models_to_try, embedder)));
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
    let beside = [("metrics and probes", server.operations_address, "/metrics"), ("help pages alone", server.help_address, "/help")];
    let beside =
        beside.map(|(what, address, path)| address.map_or_else(String::new, |address| format!("\n{what}: {scheme}://{address}{path}")));
    // Standard output may be closed; the server runs all the same.
    let _ = writeln!(
        stdout(),
        "listening on {}\nkeys: {keys}\nworkspaces: {}\nmodel: {model}{embedding}\npages: {pages}{}\n{places}",
        server.address,
        workspaces.join(", "),
        beside.concat()
    );
    tokio::select! {
        _ = terminated.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    tracing::info!("stopping");
    drop(trial);
    server.stop().await;
    Ok(())
}

/// Where what is kept is, and where articles and canned answers come from, as absolute paths.
fn places(config: &Config) -> String {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
    let database = match &config.database_url {
        None => absolute(&Store::sqlite_file(&config.data)),
        Some(url) => without_password(url),
    };
    let folders = config.workspaces().into_iter().filter_map(|workspace| {
        let folder = absolute(&workspace.knowledge_base?);
        Some(format!("\nknowledge base of {}: {folder}", workspace.name))
    });
    let centers = config.help_centers.iter().filter_map(|(workspace, center)| {
        let address = center.address.as_ref()?;
        Some(format!("\nhelp center of {workspace}: {address}"))
    });
    let folders: String = folders.chain(centers).collect();
    format!("data: {}\ndatabase: {database}{folders}", absolute(&config.data))
}

/// The URL of a database as it may be shown.
fn without_password(url: &str) -> String {
    match reqwest::Url::parse(url) {
        Ok(url) if url.has_host() => format!("{} at {}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path()),
        _ => url.split_once('?').map_or(url, |(file, _)| file).to_owned(),
    }
}
