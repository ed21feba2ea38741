//! HTTP listener with limits of time and of connections, which that of axum does not have.

mod connections;
mod stream;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::connections::Connections;
use self::stream::{Activity, BusyBody, TimedStream};

/// The largest head of a request, in bytes.
const MAX_HEAD: usize = 16 * 1024;
/// Connections that the system queues until they are accepted. It may allow less
/// (`net.core.somaxconn`).
const BACKLOG: u32 = 1024;
/// The longest that requests in flight may take on shutdown.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Listens on this address.
///
/// # Errors
///
/// Those of the system: an address that is in use, or not one of this machine.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A server can then start while connections of its last run are still closing.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until the shutdown, then finishes the requests in flight. Connection errors are logged at
/// debug level and otherwise ignored.
///
/// A connection is closed when the head of a request is not complete 10 s after its first byte,
/// when the client reads nothing of a reply for 30 s, and after 60 s without a request. The number
/// of connections is limited, so that file descriptors are left for the store, the queue and the
/// provider. Beyond the limit, the connection that has waited longest for its client is closed.
pub async fn serve(listener: TcpListener, app: Router, shutdown: CancellationToken) {
    serve_at_most(listener, app, shutdown, connections::limit()).await;
}

async fn serve_at_most(
    listener: TcpListener,
    app: Router,
    shutdown: CancellationToken,
    limit: usize,
) {
    let (tasks, connections) = (TaskTracker::new(), Connections::new(limit));
    while let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, peer)) => {
                let Some(place) = shutdown.run_until_cancelled(connections.place()).await else {
                    break;
                };
                let (app, shutdown) = (app.clone(), shutdown.clone());
                tasks.spawn(async move {
                    converse(no_delay(stream), Some(peer), app, shutdown, place.activity()).await;
                });
            }
            Err(error) => {
                // Most likely there are no file descriptors left: wait until some are closed.
                tracing::warn!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    tasks.close();
    if timeout(DRAIN_TIMEOUT, tasks.wait()).await.is_err() {
        tracing::warn!(connections = tasks.len(), "closed connections with requests in flight");
    }
}

/// Sends small replies at once, without waiting for more data.
fn no_delay(stream: TcpStream) -> TcpStream {
    let _ = stream.set_nodelay(true);
    stream
}

async fn converse<S>(
    stream: S,
    peer: Option<SocketAddr>,
    app: Router,
    shutdown: CancellationToken,
    activity: Arc<Activity>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (app, requests) = (TowerToHyperService::new(app), Arc::clone(&activity));
    let service = service_fn(move |mut request: Request<Incoming>| {
        if let Some(peer) = peer {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        let busy = requests.begin();
        let response = app.call(request);
        async move { response.await.map(|response| response.map(|body| BusyBody::new(body, busy))) }
    });
    let stream = TimedStream::new(stream, Arc::clone(&activity));
    let connection = http1::Builder::new()
        // `TimedStream` has this limit: the timer of hyper would begin before the first byte of a
        // request.
        .header_read_timeout(None)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = activity.evicted() => {
            tracing::debug!("closed an idle connection to make room for another");
            return;
        }
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

#[cfg(test)]
mod tests;
