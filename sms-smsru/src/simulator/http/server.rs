//! Connections: accepted, served, and reset where a fault asks for it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::simulator::http::service;
use crate::simulator::shared::Shared;

/// How long a connection may take to send a request's head, also the first bytes of the next one.
const HEAD_TIMEOUT: Duration = Duration::from_mins(1);
/// The wait after a failed accept, such as one for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections until the simulator stops, and closes them then.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            () = shared.stop.cancelled() => return connections.shutdown().await,
        };
        match accepted {
            Ok((stream, peer)) => {
                connections.spawn(connection(stream, peer, Arc::clone(&shared)));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, shared: Arc<Shared>) {
    // Replies are small, and callers wait for them.
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(Notify::new());
    let service = service_fn({
        let reset = Arc::clone(&reset);
        move |request| {
            let (shared, reset) = (Arc::clone(&shared), Arc::clone(&reset));
            async move { Ok::<_, Infallible>(service::answer(&shared, request, peer, &reset).await) }
        }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        ended = &mut connection => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended early");
            }
        }
        () = reset.notified() => {
            // Without linger the kernel forgets what is unsent and sends RST in place of FIN.
            let stream = connection.into_parts().io.into_inner();
            let _ = stream.set_zero_linger();
        }
    }
}
