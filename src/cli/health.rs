//! `deskhand health`: whether a server is ready, for the health check of a container.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use clap::{Arg, ArgMatches, Command};

use crate::cli::serve::{config_flag, config_of};

/// How long the answer may take.
const TIMEOUT: Duration = Duration::from_secs(3);

pub fn command() -> Command {
    Command::new("health")
        .about("Ask a server on this machine whether it is ready; exit code 0 if it is, else 1")
        .after_help("It asks for `/readyz`, at the address that the settings say. The server's certificate is not checked: no key is sent.")
        .arg(
            Arg::new("listen")
                .long("listen")
                .env("DESKHAND_LISTEN")
                .value_name("ADDRESS")
                .value_parser(clap::value_parser!(SocketAddr))
                .help("The server's address [default: that of the settings]"),
        )
        .arg(config_flag())
}

pub fn run(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let config = config_of(matches)?;
    let listens = matches.get_one::<SocketAddr>("listen").copied().unwrap_or(config.listen);
    let scheme = if config.tls_certificate.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}/readyz", reached_at(listens));
    let ready = crate::cli::block_on(async {
        // Only the first one counts.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(TIMEOUT).tls_danger_accept_invalid_certs(true).build()?;
        let answer = client.get(&url).send().await.with_context(|| format!("no server answers at `{url}`"))?;
        anyhow::Ok(answer.status().is_success())
    })??;
    println!("{}", if ready { "ready" } else { "not ready" });
    Ok(if ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The address at which this machine reaches a server that listens on any of its addresses.
fn reached_at(listens: SocketAddr) -> SocketAddr {
    let ip = match listens.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listens.port())
}
