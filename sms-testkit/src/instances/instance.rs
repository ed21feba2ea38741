//! Operations on a server that are the same for every kind.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use super::server::Server;

/// A running server of any kind: [`Postgres`](super::Postgres), [`Redis`](super::Redis) and
/// [`RabbitMq`](super::RabbitMq) dereference to it.
pub struct Instance {
    url: String,
    port: u16,
    server: Arc<Mutex<Server>>,
}

impl Instance {
    /// Starts a server from its description.
    pub(super) async fn start(url: String, mut server: Server) -> Self {
        let port = server.port.number();
        let server = run_blocking(move || {
            server.start();
            server
        });
        Self { url, port, server: Arc::new(Mutex::new(server.await)) }
    }

    /// The URL for clients. It stays the same while the instance exists.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address of the server, for example as the target of a
    /// [`Proxy`](crate::proxy::Proxy).
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Ends the server without a chance to clean up: with SIGKILL, or for PostgreSQL in the way of
    /// `pg_ctl stop -m immediate`. Its data on disk stays. A paused server is killed, too. Does
    /// nothing if the server is not running.
    pub async fn kill(&self) {
        self.with(Server::kill).await;
    }

    /// Shuts the server down cleanly; clients are disconnected. Does nothing if the server is not
    /// running.
    pub async fn stop(&self) {
        self.with(Server::stop).await;
    }

    /// Starts the server after [`kill`](Self::kill) or [`stop`](Self::stop), on the same port with
    /// the same data, and waits until it answers.
    ///
    /// # Panics
    ///
    /// Panics if the server is running.
    pub async fn start_again(&self) {
        self.with(Server::start).await;
    }

    /// Suspends the processes of the server (SIGSTOP). The system still accepts connections for
    /// them, but nothing answers.
    ///
    /// # Panics
    ///
    /// Panics if the server is not running.
    pub async fn pause(&self) {
        self.with(Server::pause).await;
    }

    /// Continues a paused server (SIGCONT). Does nothing if the server is not paused.
    pub async fn resume(&self) {
        self.with(Server::resume).await;
    }

    async fn with(&self, work: fn(&mut Server)) {
        let server = self.server.clone();
        // A poisoned lock: the panic has failed the test already, and the server must still be
        // ended.
        run_blocking(move || work(&mut server.lock().unwrap_or_else(PoisonError::into_inner)))
            .await;
    }
}

/// Runs blocking work on a thread for it. A panic there is a panic here.
pub(super) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
