//! The accept loop: connections are counted, silent ones are closed, and at the end they are drained within a bound.

use std::{sync::Arc, time::Duration};

use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};
use tonic_health::server::HealthReporter;

use super::{
    front::Front,
    health,
    timely::{FIRST_WORDS, Timely},
    tls::Tls,
};

/// Most connections at once.
const MOST_CONNECTIONS: usize = 1024;
/// Most calls at once on one connection.
const MOST_STREAMS: u32 = 128;
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(30);
const KEEP_ALIVE_PATIENCE: Duration = Duration::from_secs(10);
/// Resets of our own making (RUSTSEC-2024-0003) after which a connection is closed.
const MOST_LOCAL_RESETS: usize = 256;
const MOST_HEADER_BYTES: u32 = 16 << 10;
/// How long running calls may take to end when the server stops.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves until `stopped` says so, then drains.
pub async fn serve(listener: TcpListener, front: Front, tls: Option<Tls>, mut stopped: watch::Receiver<bool>, reporter: &HealthReporter) {
    let http = Arc::new(http());
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let connections = tokio_util::task::TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        let Some((stream, place)) = accepted else { continue };
        let (http, front, watcher) = (Arc::clone(&http), front.clone(), graceful.watcher());
        let acceptor = tls.as_ref().map(Tls::acceptor);
        connections.spawn(async move {
            let _place = place;
            match acceptor {
                None => converse(stream, &http, front, watcher).await,
                Some(acceptor) => {
                    if let Ok(Ok(stream)) = timeout(FIRST_WORDS, acceptor.accept(stream)).await {
                        converse(stream, &http, front, watcher).await;
                    }
                }
            }
        });
    }
    health::tell(reporter, false).await;
    drop(listener);
    if timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!(connections = connections.len(), "some calls did not end in time and are cut off");
    }
}

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
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
async fn converse<S>(stream: S, http: &auto::Builder<TokioExecutor>, front: Front, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let connection = http.serve_connection(TokioIo::new(Timely::new(stream)), TowerToHyperService::new(front)).into_owned();
    let _ = watcher.watch(connection).await;
}

fn http() -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(FIRST_WORDS);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .max_local_error_reset_streams(MOST_LOCAL_RESETS)
        .max_header_list_size(MOST_HEADER_BYTES)
        .keep_alive_interval(KEEP_ALIVE_EVERY)
        .keep_alive_timeout(KEEP_ALIVE_PATIENCE);
    http
}
