//! The accept loop: every connection gets a place, idle ones are closed, and at the end all are drained within a bound.

use std::{
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use futures::FutureExt;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    time::{sleep, timeout},
};
use tokio_io_timeout::TimeoutWriter;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic_health::server::HealthReporter;

use crate::{
    config::Limits,
    server::{
        connection::{Connection, SharedLimits},
        connection_limits::{ConnectionLimits, ConnectionPermit},
        fair_read::FairRead,
        health,
        router::{Router, Served},
        tls::Tls,
    },
};

/// Most calls at once on one connection: as few as RFC 9113 recommends.
const MAX_STREAMS: u32 = 100;
/// What a client may send ahead of what is read, on one stream and on all of a connection.
const MAX_WINDOW: u32 = 256 << 10;
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Resets of our own making (RUSTSEC-2024-0003) after which a connection is closed.
const MAX_LOCAL_RESETS: usize = 256;
const MAX_HEADER_BYTES: u32 = 16 << 10;
/// What HTTP/1.1 holds of a connection's input, and of its output.
const MAX_HTTP1_BUFFER: usize = 64 << 10;
/// What the system holds of a connection's input, and of its output.
const MAX_SOCKET_BUFFER: u32 = 256 << 10;
/// Connections that the system holds until they are accepted.
const BACKLOG: u32 = 1024;
/// How long a client has to take note that its connection ends, and its last replies to go out.
const GOAWAY_GRACE: Duration = Duration::from_millis(500);
/// Files that the database, the index, models and logs need.
const RESERVED_FILES: usize = 200;

/// Listens, with bounds on what the system holds of each connection: by itself it would take in megabytes that nobody reads.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    // What is accepted has what the listener has.
    socket.set_send_buffer_size(MAX_SOCKET_BUFFER)?;
    socket.set_recv_buffer_size(MAX_SOCKET_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stopped` says so, then drains.
pub async fn serve(
    listener: TcpListener,
    front: Router,
    tls: Option<Tls>,
    limits: Limits,
    mut stopped: watch::Receiver<bool>,
    reporter: &HealthReporter,
) {
    let http = Arc::new(http(&limits));
    let drain_timeout = limits.drain_timeout;
    let common = SharedLimits::new(within_files(limits));
    let (places, draining) = (ConnectionLimits::new(Arc::clone(&common)), CancellationToken::new());
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        let Some((stream, place)) = accepted else { continue };
        let (http, draining) = (Arc::clone(&http), draining.clone());
        let served = front.on(Arc::clone(&place.connection));
        let acceptor = tls.as_ref().map(Tls::acceptor);
        connections.spawn(async move {
            let connection = &place.connection;
            let conversation = async {
                match acceptor {
                    None => serve_connection(stream, &http, served, connection, &draining).await,
                    Some(acceptor) => {
                        let shaken = tokio::select! {
                            shaken = acceptor.accept(stream) => shaken.ok(),
                            () = connection.idle() => None,
                            () = connection.closing() => None,
                            () = draining.cancelled() => None,
                        };
                        if let Some(stream) = shaken {
                            serve_connection(stream, &http, served, connection, &draining).await;
                        }
                    }
                }
            };
            let end = async {
                connection.cut().await;
                sleep(GOAWAY_GRACE).await;
            };
            tokio::select! {
                () = conversation => {}
                () = end => {}
            }
        });
    }
    health::tell(reporter, false).await;
    drop(listener);
    connections.close();
    draining.cancel();
    if timeout(drain_timeout, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "some calls did not end in time and are cut off");
        common.cut.cancel();
        connections.wait().await;
    }
}

async fn accept(listener: &TcpListener, places: &ConnectionLimits) -> Option<(TcpStream, ConnectionPermit)> {
    match listener.accept().await {
        Ok((stream, address)) => {
            let place = places.enter(address.ip())?;
            stream.set_nodelay(true).ok()?;
            Some((stream, place))
        }
        Err(error) => {
            // Out of file descriptors, most likely: the next try needs some to be given back.
            tracing::warn!(error = %error, "a connection could not be accepted");
            sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

/// Serves one connection to its end. A client that breaks it off is no news.
async fn serve_connection<S>(
    stream: S,
    http: &auto::Builder<TokioExecutor>,
    served: Served,
    connection: &Connection,
    draining: &CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let mut stream = TimeoutWriter::new(FairRead::new(stream));
    stream.set_timeout(Some(connection.limits().write_timeout));
    let mut served = pin!(http.serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(served)));
    tokio::select! {
        _ = served.as_mut() => {}
        () = connection.closing() => {
            // Its place is already another's: the goodbye is written if that takes no time.
            served.as_mut().graceful_shutdown();
            let _ = served.as_mut().now_or_never();
        }
        () = connection.idle() => end(served, connection, |served| served.graceful_shutdown()).await,
        () = draining.cancelled() => end(served, connection, |served| served.graceful_shutdown()).await,
    }
}

/// Lets the calls end of a connection that takes no more of them.
async fn end<C: Future>(mut served: Pin<&mut C>, connection: &Connection, say_goodbye: impl FnOnce(Pin<&mut C>)) {
    say_goodbye(served.as_mut());
    loop {
        let was_busy = connection.is_busy();
        tokio::select! {
            _ = served.as_mut() => return,
            () = connection.closing() => return,
            () = sleep(GOAWAY_GRACE) => if !was_busy && !connection.is_busy() { return },
        }
    }
}

fn http(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    // This is also how long HTTP/1.1 waits for the next request.
    http.http1().timer(TokioTimer::new()).header_read_timeout(limits.request_timeout).max_buf_size(MAX_HTTP1_BUFFER);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(MAX_WINDOW)
        .initial_connection_window_size(MAX_WINDOW)
        .max_local_error_reset_streams(MAX_LOCAL_RESETS)
        .max_header_list_size(MAX_HEADER_BYTES)
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
    http
}

/// A connection needs a file descriptor: there are no more places than the process may have of them.
fn within_files(limits: Limits) -> Limits {
    let files = rlimit::increase_nofile_limit(rlimit::INFINITY).unwrap_or(1024);
    let most = usize::try_from(files).unwrap_or(usize::MAX).saturating_sub(RESERVED_FILES).max(8);
    if most < limits.max_connections {
        tracing::warn!(max_connections = most, files, "there are fewer file descriptors than `max_connections` needs; raise `ulimit -n`");
    }
    let max_connections = limits.max_connections.min(most);
    Limits { max_connections, max_connections_per_peer: limits.max_connections_per_peer.min(max_connections), ..limits }
}
