//! The PROXY protocol, versions 1 and 2: a proxy that forwards bytes says at the beginning of each connection whose it is.

use std::{io, time::Duration};

use proxy_header::{ParseConfig, io::ProxiedStream};
use tokio::{net::TcpStream, time::timeout};

use crate::server::{
    audience::Audience,
    connection_limits::{ConnectionLimits, ConnectionPermit},
};

/// Longest time that a proxy may take for its header.
const HEADER_TIMEOUT: Duration = Duration::from_secs(3);

/// Reads the header of a trusted proxy's connection, if the proxies before this listener send one.
///
/// Returns the stream behind it, with the permit of the client that it names. A proxy that names none, as in its health checks, keeps its
/// own permit. `None`: there was no header, or there is no permit for the client; then the connection is closed.
pub async fn named(
    stream: TcpStream,
    permit: ConnectionPermit,
    limits: &ConnectionLimits,
    audience: Audience,
) -> Option<(ProxiedStream<TcpStream>, ConnectionPermit)> {
    let connection = &permit.connection;
    if !(connection.limits().proxy_protocol && audience.is_behind_proxies() && connection.is_of_proxy()) {
        return Some((ProxiedStream::unproxied(stream), permit));
    }
    let header = ParseConfig { include_tlvs: false, ..ParseConfig::default() };
    let read = timeout(HEADER_TIMEOUT, ProxiedStream::create_from_tokio(stream, header));
    let read = tokio::select! {
        read = read => read.ok()?,
        () = connection.closing() => return None,
    };
    match read {
        Ok(stream) => {
            let Some(client) = stream.proxy_header().proxied_address().map(|address| address.source.ip()) else {
                return Some((stream, permit));
            };
            drop(permit);
            Some((stream, limits.enter(client)?))
        }
        Err(error) => {
            if error.kind() == io::ErrorKind::InvalidData {
                tracing::warn!(
                    proxy = %connection.peer,
                    "a trusted proxy's connection is closed: it does not begin with a PROXY header; let the proxy send one (HAProxy: \
                     `send-proxy-v2`, nginx: `proxy_protocol on`), or set `proxy_protocol` to false"
                );
            }
            None
        }
    }
}
