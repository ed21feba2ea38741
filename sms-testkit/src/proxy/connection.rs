//! One client and its connection to the server.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::watch;

use super::counters::{Counters, Direction};
use super::ending::Ending;
use super::mode::Mode;
use super::pump::pump;

pub(super) struct Connection {
    client: TcpStream,
    modes: watch::Receiver<Mode>,
    counters: Arc<Counters>,
}

impl Connection {
    pub(super) fn new(
        client: TcpStream,
        modes: watch::Receiver<Mode>,
        counters: Arc<Counters>,
    ) -> Self {
        counters.accept();
        Self { client, modes, counters }
    }

    /// Connects to the target and carries bytes until the connection ends.
    pub(super) async fn carry(
        mut self,
        target: SocketAddr,
        mut endings: watch::Receiver<Option<Ending>>,
    ) {
        let connected = tokio::select! {
            biased;
            ending = ending_of(&mut endings) => Err(ending),
            server = connect(target, self.modes.clone()) => server,
        };
        match connected {
            Ok(mut server) => {
                let ending = tokio::select! {
                    biased;
                    ending = ending_of(&mut endings) => ending,
                    ending = self.exchange(&mut server) => ending,
                };
                ending.apply(&mut server).await;
                ending.apply(&mut self.client).await;
            }
            Err(ending) => ending.apply(&mut self.client).await,
        }
    }

    /// Carries bytes in both directions until both sides have finished, or an error occurs.
    async fn exchange(&mut self, server: &mut TcpStream) -> Ending {
        let Self { client, modes, counters } = self;
        // Without Nagle's algorithm, the only delays are those that the mode asks for.
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let there = pump(from_client, to_server, Direction::ToServer, modes.clone(), counters);
        let back = pump(from_server, to_client, Direction::ToClient, modes.clone(), counters);
        tokio::try_join!(there, back).map_or_else(|ending| ending, |_| Ending::Close)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.counters.end();
    }
}

/// Waits until the test ends the connections.
async fn ending_of(endings: &mut watch::Receiver<Option<Ending>>) -> Ending {
    match endings.wait_for(Option::is_some).await {
        Ok(ending) => ending.unwrap_or(Ending::Close),
        // The proxy is dropped.
        Err(_) => Ending::Close,
    }
}

/// Connects to the server, once the mode lets anything through. A refusal becomes a reset: the
/// client is connected to the proxy already.
async fn connect(
    target: SocketAddr,
    mut modes: watch::Receiver<Mode>,
) -> Result<TcpStream, Ending> {
    modes.wait_for(|mode| *mode != Mode::HalfOpen).await.map_err(|_| Ending::Close)?;
    TcpStream::connect(target).await.map_err(|_| Ending::Reset)
}
