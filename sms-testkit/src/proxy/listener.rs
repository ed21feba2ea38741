//! Where clients come in, and what the test orders is carried out.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, mpsc};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Mode;
use super::connection::{Connection, Ending};
use super::counters::Counters;
use crate::ports::Port;

/// What a test wants of the proxy.
pub(super) enum Order {
    Mode(Mode),
    End(Ending),
    /// Nothing but an answer: that comes between two steps of the proxy, when its counters are
    /// right.
    Note,
}

/// Runs the proxy until nobody can send it orders any more.
pub(super) fn run(
    mut gate: Gate,
    mut orders: UnboundedReceiver<(Order, mpsc::Sender<()>)>,
    open: &mpsc::Sender<()>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a tokio runtime").block_on(async {
        gate.open();
        // Whoever waits for the answer may have panicked meanwhile; nobody else misses it.
        let _ = open.send(());
        loop {
            tokio::select! {
                order = orders.recv() => {
                    let Some((order, done)) = order else { return };
                    gate.carry_out(order).await;
                    let _ = done.send(());
                }
                client = gate.accept() => gate.adopt(client),
            }
        }
    });
}

pub(super) struct Gate {
    port: Port,
    target: SocketAddr,
    counters: Arc<Counters>,
    /// The second is the same socket, to look whether somebody waits at once: tokio knows that only
    /// after a while.
    listener: Option<(TcpListener, std::net::TcpListener)>,
    connections: JoinSet<()>,
    modes: watch::Sender<Mode>,
    endings: watch::Sender<Option<Ending>>,
}

impl Gate {
    pub(super) fn new(port: Port, target: SocketAddr, counters: Arc<Counters>) -> Self {
        Self {
            port,
            target,
            counters,
            listener: None,
            connections: JoinSet::new(),
            modes: watch::Sender::default(),
            endings: watch::Sender::default(),
        }
    }

    fn open(&mut self) {
        if self.listener.is_none() {
            let address = (Ipv4Addr::LOCALHOST, self.port.number());
            let raw = std::net::TcpListener::bind(address).expect("the port is still free");
            raw.set_nonblocking(true).expect("a listener");
            let twin = raw.try_clone().expect("a descriptor");
            self.listener = Some((TcpListener::from_std(raw).expect("a listener"), twin));
        }
    }

    /// Waits for a client: for ever while the gate is closed.
    async fn accept(&self) -> TcpStream {
        let Some((listener, _)) = &self.listener else { return std::future::pending().await };
        loop {
            // An error is that of a client who has gone away again.
            if let Ok((client, _)) = listener.accept().await {
                return client;
            }
        }
    }

    async fn carry_out(&mut self, order: Order) {
        // A client that is connected as far as it knows is one that the order means.
        self.adopt_those_who_wait();
        match order {
            Order::Mode(mode) => {
                self.modes.send_replace(mode);
                if mode == Mode::Refuse {
                    self.listener = None;
                } else {
                    self.open();
                }
            }
            Order::End(ending) => {
                self.endings.send_replace(Some(ending));
                while self.connections.join_next().await.is_some() {}
                self.endings.send_replace(None);
            }
            Order::Note => {}
        }
    }

    fn adopt_those_who_wait(&mut self) {
        while let Some(Ok((client, _))) = self.listener.as_ref().map(|(_, raw)| raw.accept()) {
            client.set_nonblocking(true).expect("a socket");
            self.adopt(TcpStream::from_std(client).expect("a socket"));
        }
    }

    fn adopt(&mut self, client: TcpStream) {
        // Those that have ended would pile up otherwise.
        while self.connections.try_join_next().is_some() {}
        let modes = self.modes.subscribe();
        let connection = Connection::new(client, modes, self.counters.clone());
        self.connections.spawn(connection.carry(self.target, self.endings.subscribe()));
    }
}
