//! One client, and its connection to the server.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::Mode;
use super::counters::{Counters, Direction};
use super::pump::pump;

/// How a connection ends.
#[derive(Clone, Copy)]
pub(super) enum Ending {
    /// With FIN.
    Close,
    /// With RST.
    Reset,
}

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

    pub(super) async fn carry(
        mut self,
        target: SocketAddr,
        mut endings: watch::Receiver<Option<Ending>>,
    ) {
        let connected = tokio::select! {
            biased;
            ending = ordered(&mut endings) => Err(ending),
            server = connect(target, self.modes.clone()) => server,
        };
        match connected {
            Ok(mut server) => {
                let ending = tokio::select! {
                    biased;
                    ending = ordered(&mut endings) => ending,
                    ending = self.exchange(&mut server) => ending,
                };
                end(&mut server, ending).await;
                end(&mut self.client, ending).await;
            }
            Err(ending) => end(&mut self.client, ending).await,
        }
    }

    /// Carries bytes both ways until both sides have said all they had to say, or it goes wrong.
    async fn exchange(&mut self, server: &mut TcpStream) -> Ending {
        let Self { client, modes, counters } = self;
        // Small messages go at once; delays are made on purpose here, and only then.
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

/// Waits until the test wants connections to end.
async fn ordered(endings: &mut watch::Receiver<Option<Ending>>) -> Ending {
    match endings.wait_for(Option::is_some).await {
        Ok(ending) => ending.unwrap_or(Ending::Close),
        // The proxy is dropped.
        Err(_) => Ending::Close,
    }
}

/// Connects to the server, once anything gets through to it. A refusal is passed on as well as it
/// can be: the client's own connection stands already.
async fn connect(
    target: SocketAddr,
    mut modes: watch::Receiver<Mode>,
) -> Result<TcpStream, Ending> {
    modes.wait_for(|mode| *mode != Mode::HalfOpen).await.map_err(|_| Ending::Close)?;
    TcpStream::connect(target).await.map_err(|_| Ending::Reset)
}

/// Errors do not count: then the other side has ended it.
async fn end(stream: &mut TcpStream, ending: Ending) {
    match ending {
        // Before the socket is closed: closed while there is something unread, it would be reset.
        Ending::Close => drop(stream.shutdown().await),
        Ending::Reset => drop(stream.set_zero_linger()),
    }
}
