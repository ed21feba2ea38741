//! The HTTP listener: axum's own bounds neither the time a client takes nor the number of
//! connections.

mod connections;
mod stream;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
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
/// Connections that the system keeps until they are accepted. It may allow less
/// (`net.core.somaxconn`).
const BACKLOG: u32 = 1024;
/// How long requests in flight may take on shutdown.
const DRAIN: Duration = Duration::from_secs(10);

/// Listens on this address.
///
/// # Errors
///
/// The system's: the address is in use, or not of this machine.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // So that a server can be started again while connections of the last one still end.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until the shutdown, then lets requests in flight end. Connection errors are logged at
/// debug level and otherwise ignored.
///
/// A client has 10 s from the first byte of a request to the end of its head, is cut after 30 s in
/// which it takes nothing of an answer, and after 60 s without a request. There are at most as many
/// connections as leave file descriptors for the store, the queue and the provider; beyond that the
/// one that has waited longest for its client is closed.
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
            Ok((stream, _)) => {
                let Some(place) = shutdown.run_until_cancelled(connections.place()).await else {
                    break;
                };
                let (app, shutdown) = (app.clone(), shutdown.clone());
                tasks.spawn(async move {
                    converse(no_delay(stream), app, shutdown, place.activity()).await
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: wait for some to be freed.
                tracing::warn!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    tasks.close();
    if timeout(DRAIN, tasks.wait()).await.is_err() {
        tracing::warn!(connections = tasks.len(), "closed before their requests had ended");
    }
}

/// Small replies must not wait for more to send along.
fn no_delay(stream: TcpStream) -> TcpStream {
    let _ = stream.set_nodelay(true);
    stream
}

async fn converse<S>(stream: S, app: Router, shutdown: CancellationToken, activity: Arc<Activity>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (app, requests) = (TowerToHyperService::new(app), Arc::clone(&activity));
    let service = service_fn(move |request: Request<Incoming>| {
        let busy = requests.begin();
        let response = app.call(request);
        async move { response.await.map(|response| response.map(|body| BusyBody::new(body, busy))) }
    });
    let stream = TimedStream::new(stream, Arc::clone(&activity));
    let connection = http1::Builder::new()
        // The stream does it: this timer would begin with the wait for a request, and not with its
        // first byte.
        .header_read_timeout(None)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = activity.evicted() => {
            tracing::debug!("closed a connection that waited, to make room for another");
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
