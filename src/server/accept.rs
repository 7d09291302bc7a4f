//! The accept loop: every connection needs a permit, idle ones are closed, and at the end all are drained within `drain_timeout`.

use std::{
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use futures::{
    FutureExt,
    future::{pending, select_all},
};
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

use crate::{
    config::Limits,
    server::{
        connection::{Connection, SharedLimits},
        connection_limits::{ConnectionLimits, ConnectionPermit},
        fair_read::FairRead,
        health::Readiness,
        proxy_protocol,
        router::{Router, Served},
        tls::Tls,
    },
};

/// Concurrent calls per connection: the minimum that RFC 9113 recommends.
const MAX_STREAMS: u32 = 100;
/// HTTP/2 flow-control window, in bytes: per stream and per connection.
const MAX_WINDOW: u32 = 256 << 10;
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Streams reset by the server (RUSTSEC-2024-0003) after which a connection is closed.
const MAX_LOCAL_RESETS: usize = 256;
const MAX_HEADER_BYTES: u32 = 16 << 10;
/// HTTP/1.1 buffer of a connection, in bytes: for input, and for output.
const MAX_HTTP1_BUFFER: usize = 64 << 10;
/// Kernel socket buffer of a connection, in bytes: for input, and for output.
const MAX_SOCKET_BUFFER: u32 = 256 << 10;
/// Listen backlog: connections that the kernel queues until they are accepted.
const BACKLOG: u32 = 1024;
/// How long a client gets to act on GOAWAY, and its last replies to be sent.
const GOAWAY_GRACE: Duration = Duration::from_millis(500);
/// File descriptors kept for the database, the index, models and logs.
const RESERVED_FILES: usize = 200;

/// Listens, with small kernel buffers for each connection: the defaults would buffer megabytes that nobody reads.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    // Accepted sockets inherit these sizes from the listener.
    socket.set_send_buffer_size(MAX_SOCKET_BUFFER)?;
    socket.set_recv_buffer_size(MAX_SOCKET_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stopped` is true, then drains. What each listener serves its router says; the limits hold for all together.
pub async fn serve(
    listeners: Vec<(TcpListener, Router)>,
    tls: Option<Tls>,
    limits: Limits,
    mut stopped: watch::Receiver<bool>,
    readiness: &Readiness,
) {
    let http = Arc::new(http(&limits));
    let (drain_delay, drain_timeout) = (limits.drain_delay, limits.drain_timeout);
    let shared = SharedLimits::new(within_file_descriptors(limits));
    let (connection_limits, draining) = (ConnectionLimits::new(Arc::clone(&shared)), CancellationToken::new());
    let connections = TaskTracker::new();
    // Once it is stopped, a balancer has `drain_delay` to see that it is not ready, and is served as before.
    let told = async {
        let _ = stopped.wait_for(|stopped| *stopped).await;
        readiness.drain().await;
        sleep(drain_delay).await;
    };
    tokio::pin!(told);
    loop {
        let accepted = tokio::select! {
            accepted = accept_any(&listeners, &connection_limits) => accepted,
            () = &mut told => break,
        };
        let Some((stream, permit, router)) = accepted else { continue };
        let (http, draining, router, connection_limits) = (Arc::clone(&http), draining.clone(), router.clone(), connection_limits.clone());
        let acceptor = tls.as_ref().map(Tls::acceptor);
        connections.spawn(async move {
            let named = tokio::select! {
                named = proxy_protocol::named(stream, permit, &connection_limits, router.audience()) => named,
                () = draining.cancelled() => None,
            };
            let Some((stream, permit)) = named else { return };
            let served = router.on(Arc::clone(&permit.connection));
            let connection = &permit.connection;
            let serving = async {
                match acceptor {
                    None => serve_connection(stream, &http, served, connection, &draining).await,
                    Some(acceptor) => {
                        let handshake = tokio::select! {
                            accepted = acceptor.accept(stream) => accepted.ok(),
                            () = connection.idle() => None,
                            () = connection.closing() => None,
                            () = draining.cancelled() => None,
                        };
                        if let Some(stream) = handshake {
                            serve_connection(stream, &http, served, connection, &draining).await;
                        }
                    }
                }
            };
            let aborted = async {
                connection.aborted().await;
                sleep(GOAWAY_GRACE).await;
            };
            tokio::select! {
                () = serving => {}
                () = aborted => {}
            }
        });
    }
    drop(listeners);
    connections.close();
    draining.cancel();
    if timeout(drain_timeout, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "drain timeout: some calls did not finish in time and are aborted");
        shared.abort.cancel();
        connections.wait().await;
    }
}

/// The next connection of any listener, and what serves it.
async fn accept_any<'a>(
    listeners: &'a [(TcpListener, Router)],
    connection_limits: &ConnectionLimits,
) -> Option<(TcpStream, ConnectionPermit, &'a Router)> {
    let accepted = listeners.iter().map(|(listener, router)| {
        let accepted = accept(listener, connection_limits);
        Box::pin(accepted.map(move |accepted| accepted.map(|(stream, permit)| (stream, permit, router))))
    });
    select_all(accepted).await.0
}

async fn accept(listener: &TcpListener, connection_limits: &ConnectionLimits) -> Option<(TcpStream, ConnectionPermit)> {
    match listener.accept().await {
        Ok((stream, address)) => {
            let permit = connection_limits.enter(address.ip())?;
            stream.set_nodelay(true).ok()?;
            Some((stream, permit))
        }
        Err(error) => {
            // Most likely out of file descriptors: wait until some are released.
            tracing::warn!(error = %error, "can't accept a connection");
            sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

/// Serves one connection to its end. A client that disconnects is not an error.
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
            // Its permit already belongs to another connection: GOAWAY is sent only if that takes no time.
            served.as_mut().graceful_shutdown();
            let _ = served.as_mut().now_or_never();
        }
        () = connection.idle() => drain(served, connection, |served| served.graceful_shutdown()).await,
        () = draining.cancelled() => drain(served, connection, |served| served.graceful_shutdown()).await,
        () = aged(connection.limits().max_connection_age) => {
            let drained = drain(served, connection, |served| served.graceful_shutdown());
            let _ = timeout(connection.limits().drain_timeout, drained).await;
        }
    }
}

/// Waits until a connection has reached this age, a tenth more or less: clients that came together don't all leave together.
async fn aged(age: Duration) {
    if age.is_zero() {
        return pending().await;
    }
    let tenth = f64::from(fastrand::u32(0..=200)) / 1000.0;
    sleep(age.mul_f64(0.9 + tenth)).await;
}

/// Drains a connection: starts its graceful shutdown, then waits until its running calls have finished.
async fn drain<C: Future>(mut served: Pin<&mut C>, connection: &Connection, start_shutdown: impl FnOnce(Pin<&mut C>)) {
    start_shutdown(served.as_mut());
    connection.leave();
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
    // This is also the keep-alive timeout of HTTP/1.1: how long it waits for the next request.
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

/// Lowers the connection limits to what the process's file descriptors allow: each connection needs one.
fn within_file_descriptors(limits: Limits) -> Limits {
    let files = rlimit::increase_nofile_limit(rlimit::INFINITY).unwrap_or(1024);
    let limit = usize::try_from(files).unwrap_or(usize::MAX).saturating_sub(RESERVED_FILES).max(8);
    if limit < limits.max_connections {
        tracing::warn!(max_connections = limit, files, "`max_connections` is lowered to fit the file descriptor limit; raise `ulimit -n`");
    }
    let max_connections = limits.max_connections.min(limit);
    Limits { max_connections, max_connections_per_peer: limits.max_connections_per_peer.min(max_connections), ..limits }
}
