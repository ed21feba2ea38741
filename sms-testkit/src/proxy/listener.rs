//! The listening side of the proxy: accepts clients, and carries out the commands of the test.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, mpsc};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connection::Connection;
use super::counters::Counters;
use super::ending::Ending;
use super::mode::Mode;
use crate::ports::Port;

/// A command of the test. Each is answered when it has taken effect.
pub(super) enum Command {
    SetMode(Mode),
    /// Ends all connections.
    End(Ending),
    /// Does nothing. Its answer comes between two steps of the proxy, when the counters are exact.
    Sync,
}

/// Runs the proxy until the sender of commands is dropped.
pub(super) fn run(
    mut listener: Listener,
    mut commands: UnboundedReceiver<(Command, mpsc::Sender<()>)>,
    open: &mpsc::Sender<()>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a tokio runtime").block_on(async {
        listener.open();
        // An error means that the test has panicked in the meantime.
        let _ = open.send(());
        loop {
            tokio::select! {
                command = commands.recv() => {
                    let Some((command, done)) = command else { return };
                    listener.carry_out(command).await;
                    let _ = done.send(());
                }
                client = listener.accept() => listener.adopt(client),
            }
        }
    });
}

pub(super) struct Listener {
    port: Port,
    target: SocketAddr,
    counters: Arc<Counters>,
    /// The listening socket twice, `None` while connections are refused. The second handle finds
    /// waiting clients at once; tokio's learns of them only with its next poll of the system.
    sockets: Option<(TcpListener, std::net::TcpListener)>,
    connections: JoinSet<()>,
    modes: watch::Sender<Mode>,
    endings: watch::Sender<Option<Ending>>,
}

impl Listener {
    pub(super) fn new(port: Port, target: SocketAddr, counters: Arc<Counters>) -> Self {
        Self {
            port,
            target,
            counters,
            sockets: None,
            connections: JoinSet::new(),
            modes: watch::Sender::default(),
            endings: watch::Sender::default(),
        }
    }

    fn open(&mut self) {
        if self.sockets.is_none() {
            let address = (Ipv4Addr::LOCALHOST, self.port.number());
            let raw = std::net::TcpListener::bind(address).expect("the port is still free");
            raw.set_nonblocking(true).expect("a listener");
            let twin = raw.try_clone().expect("a descriptor");
            self.sockets = Some((TcpListener::from_std(raw).expect("a listener"), twin));
        }
    }

    /// Waits for a client. Never returns while connections are refused.
    async fn accept(&self) -> TcpStream {
        let Some((socket, _)) = &self.sockets else { return std::future::pending().await };
        loop {
            // An error means that the client has disconnected already.
            if let Ok((client, _)) = socket.accept().await {
                return client;
            }
        }
    }

    async fn carry_out(&mut self, command: Command) {
        // A client that is connected on its side expects that the command applies to it, too.
        self.adopt_waiting();
        match command {
            Command::SetMode(mode) => {
                self.modes.send_replace(mode);
                if mode == Mode::Refuse {
                    self.sockets = None;
                } else {
                    self.open();
                }
            }
            Command::End(ending) => {
                self.endings.send_replace(Some(ending));
                while self.connections.join_next().await.is_some() {}
                self.endings.send_replace(None);
            }
            Command::Sync => {}
        }
    }

    /// Adopts the clients that the system has connected and nobody has accepted yet.
    fn adopt_waiting(&mut self) {
        while let Some(Ok((client, _))) = self.sockets.as_ref().map(|(_, raw)| raw.accept()) {
            client.set_nonblocking(true).expect("a socket");
            self.adopt(TcpStream::from_std(client).expect("a socket"));
        }
    }

    /// Carries a client's connection in a task.
    fn adopt(&mut self, client: TcpStream) {
        // Removes tasks that have ended: otherwise they would accumulate.
        while self.connections.try_join_next().is_some() {}
        let modes = self.modes.subscribe();
        let connection = Connection::new(client, modes, self.counters.clone());
        self.connections.spawn(connection.carry(self.target, self.endings.subscribe()));
    }
}
