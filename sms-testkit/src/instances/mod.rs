//! Servers of a test's own, to be killed, paused and started again.
//!
//! ```no_run
//! use sms_testkit::instances::Postgres;
//!
//! # async fn test() {
//! let postgres = Postgres::start().await;
//! // … a store on postgres.url() …
//! postgres.kill().await;
//! // … what it does without its database …
//! postgres.start_again().await; // on the same port, with the same data
//! # }
//! ```
//!
//! Each runs in a temporary folder on a free port of 127.0.0.1, and ends with the value: the
//! process is killed, the folder removed. That happens too when the test's own process ends without
//! dropping it, be it killed, or because the instance is a static that several tests share. Nothing
//! but its own processes is touched.
//!
//! The programs have to be installed; nothing is downloaded. One that is missing fails the test,
//! with one line that says what to install. Linux only.
//!
//! Waiting is done aside, on a thread where one may block: the rest of the test goes on meanwhile,
//! and a paused clock of tokio stands still. What has not happened after a minute or two fails the
//! test.

mod guard;
mod postgres;
mod process;
mod programs;
mod rabbitmq;
mod redis;
mod server;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

pub use self::postgres::Postgres;
pub use self::rabbitmq::RabbitMq;
pub use self::redis::Redis;
use self::server::Server;

/// What can be done to every server: [`Postgres`], [`Redis`] and [`RabbitMq`] dereference to it.
pub struct Instance {
    url: String,
    port: u16,
    server: Arc<Mutex<Server>>,
}

impl Instance {
    /// Starts a server that is described already.
    async fn start(url: String, mut server: Server) -> Self {
        let port = server.port.number();
        let server = aside(move || {
            server.start();
            server
        });
        Self { url, port, server: Arc::new(Mutex::new(server.await)) }
    }

    /// The address to connect to. It stays the same as long as the instance lives.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the server listens: the target of a [`Proxy`](crate::proxy::Proxy).
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Ends the server without a chance to clean up: with SIGKILL; PostgreSQL as `pg_ctl stop -m
    /// immediate` does. What it had on disk stays. Nothing happens to one that does not run; one
    /// that is paused is killed too.
    pub async fn kill(&self) {
        self.with(Server::kill).await;
    }

    /// Ends the server as its operator would; clients are disconnected. Nothing happens to one that
    /// does not run.
    pub async fn stop(&self) {
        self.with(Server::stop).await;
    }

    /// Starts a server that was killed or stopped on the same port and the same data, and waits
    /// until it answers.
    ///
    /// Panics if it still runs.
    pub async fn start_again(&self) {
        self.with(Server::start).await;
    }

    /// Stops the server's processes in their tracks (SIGSTOP). The system still accepts connections
    /// for it, but nothing answers on them.
    ///
    /// Panics if it does not run.
    pub async fn pause(&self) {
        self.with(Server::pause).await;
    }

    /// Lets a paused server go on (SIGCONT). Nothing happens to one that is not paused.
    pub async fn resume(&self) {
        self.with(Server::resume).await;
    }

    async fn with(&self, work: fn(&mut Server)) {
        let server = self.server.clone();
        // A panic has been seen by whoever called for it; the server can still be ended.
        aside(move || work(&mut server.lock().unwrap_or_else(PoisonError::into_inner))).await;
    }
}

/// Runs on a thread that may block, and passes on its panic.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
