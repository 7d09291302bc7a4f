//! The accept loop: connections are counted, silent ones are closed, and at the end they are drained within a bound.

use std::{sync::Arc, time::Duration};

use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};
use tonic_health::server::HealthReporter;

use super::{front::Front, health, tls::Tls};

/// Most connections at once.
const MOST_CONNECTIONS: usize = 1024;
/// Most calls at once on one connection.
const MOST_STREAMS: u32 = 128;
/// A client that says nothing for this long after it connected is closed.
const FIRST_BYTE: Duration = Duration::from_secs(5);
/// What every HTTP/2 client says first.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
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
            // A client that breaks its connection off is no news.
            let _ = match acceptor {
                None if speaks(&stream).await => {
                    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(front)).into_owned();
                    watcher.watch(connection).await
                }
                None => Ok(()),
                Some(acceptor) => match timeout(FIRST_BYTE, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => {
                        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(front)).into_owned();
                        watcher.watch(connection).await
                    }
                    _ => Ok(()),
                },
            };
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

/// Whether the client begins to speak in time: the whole preface of HTTP/2, or anything else, whose headers then have a time of
/// their own.
async fn speaks(stream: &TcpStream) -> bool {
    let preface = async {
        let mut seen = [0; PREFACE.len()];
        loop {
            match stream.peek(&mut seen).await {
                Err(_) | Ok(0) => return false,
                Ok(count) if count == PREFACE.len() || seen[..count] != PREFACE[..count] => return true,
                // Peeking again at once would spin: the rest is on its way.
                Ok(_) => sleep(Duration::from_millis(10)).await,
            }
        }
    };
    timeout(FIRST_BYTE, preface).await.unwrap_or(false)
}

fn http() -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(FIRST_BYTE);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .max_local_error_reset_streams(MOST_LOCAL_RESETS)
        .max_header_list_size(MOST_HEADER_BYTES)
        .keep_alive_interval(KEEP_ALIVE_EVERY)
        .keep_alive_timeout(KEEP_ALIVE_PATIENCE);
    http
}
