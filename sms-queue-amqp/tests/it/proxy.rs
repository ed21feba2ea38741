//! A proxy in front of RabbitMQ that can go silent without closing its connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// A TCP proxy that can be told to swallow all bytes.
pub(crate) struct Proxy {
    port: u16,
    silent: Arc<AtomicBool>,
    connections: Arc<AtomicUsize>,
    accepted: Arc<AtomicUsize>,
}

impl Proxy {
    pub(crate) async fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("a port").port();
        let proxy = Self {
            port,
            silent: Arc::default(),
            connections: Arc::default(),
            accepted: Arc::default(),
        };
        let (silent, connections) = (Arc::clone(&proxy.silent), Arc::clone(&proxy.connections));
        let accepted = Arc::clone(&proxy.accepted);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await else { continue };
                let ((from_client, to_client), (from_server, to_server)) =
                    (client.into_split(), server.into_split());
                accepted.fetch_add(1, Ordering::SeqCst);
                connections.fetch_add(1, Ordering::SeqCst);
                let (silent, connections) = (Arc::clone(&silent), Arc::clone(&connections));
                tokio::spawn(async move {
                    let up = pass(from_client, to_server, &silent);
                    // Ends with the client's side: while the proxy is silent, the server's close
                    // must not reach the client.
                    let down = pass(from_server, to_client, &silent);
                    tokio::select! {
                        () = up => {}
                        () = async { down.await; std::future::pending().await } => {}
                    }
                    connections.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        proxy
    }

    pub(crate) fn address(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// Swallows all bytes from now on, or none.
    pub(crate) fn silence(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
    }

    /// Number of connections that the client has opened.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Number of connections that the client has not closed.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, silent: &AtomicBool) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if !silent.load(Ordering::SeqCst) && to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
