//! A TCP proxy on 127.0.0.1 that injects faults into the connections it carries.
//!
//! A test puts it between the code and its server, and sets a [`Mode`]:
//!
//! ```
//! # use std::io::{Read, Write};
//! # use std::net::{TcpListener, TcpStream};
//! use sms_testkit::proxy::{Mode, Proxy};
//!
//! # let server = TcpListener::bind("127.0.0.1:0")?;
//! let proxy = Proxy::start(server.local_addr()?);
//! let mut client = TcpStream::connect(proxy.address())?;
//!
//! // The connection ends in the middle of the request.
//! proxy.set(Mode::CutToServer { after_bytes: 2 });
//! client.write_all(b"PING")?;
//!
//! let mut arrived = Vec::new();
//! server.accept()?.0.read_to_end(&mut arrived)?;
//! assert_eq!(arrived, b"PI");
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! [`Proxy::in_front_of`] takes the URL of a server and returns the URL that leads there through
//! the proxy.
//!
//! The proxy has its own thread and uses the real clock, so that neither a paused clock nor a
//! blocked runtime delays it. Its methods return when the change has taken effect, also for
//! connections that clients have just opened.

mod connection;
mod counters;
mod ending;
mod listener;
mod mode;
mod pump;

use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use url::Url;

use self::counters::Counters;
use self::ending::Ending;
use self::listener::{Command, Listener};
pub use self::mode::Mode;
use crate::address::host_and_port;
use crate::ports::Port;

/// A TCP proxy on 127.0.0.1. It closes its connections and its port when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    counters: Arc<Counters>,
    /// Dropped to end the thread.
    commands: Option<UnboundedSender<(Command, mpsc::Sender<()>)>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Listens on a free port and carries its connections to the target, in [`Mode::Pass`].
    ///
    /// The target does not have to listen yet. A connection that the target refuses is reset.
    ///
    /// # Panics
    ///
    /// Panics if the target has no address.
    pub fn start(target: impl ToSocketAddrs) -> Self {
        let target = target.to_socket_addrs().ok().and_then(|mut all| all.next());
        let target = target.expect("the target of a proxy has an address");
        let port = Port::free();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.number()));
        let counters = Arc::new(Counters::default());
        let (commands, received) = unbounded_channel();
        let (open, opened) = mpsc::channel();
        let listener = Listener::new(port, target, counters.clone());
        let thread = std::thread::spawn(move || listener::run(listener, received, &open));
        opened.recv().expect("the proxy listens");
        Self { address, counters, commands: Some(commands), thread: Some(thread) }
    }

    /// Starts a proxy to the server of a URL, and returns that URL with the address of the proxy.
    ///
    /// # Panics
    ///
    /// Panics if the URL names no host, or no port and no scheme with a usual one.
    pub fn in_front_of(url: &str) -> (Self, String) {
        let target = host_and_port(url);
        let target =
            target.unwrap_or_else(|what| panic!("the address of the proxy's target {what}"));
        let proxy = Self::start(target);
        let mut through = Url::parse(url).expect("parsed before");
        through.set_host(Some("127.0.0.1")).expect("it has a host");
        through.set_port(Some(proxy.address.port())).expect("it has a host");
        (proxy, through.into())
    }

    /// The address for clients.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the mode. The bytes of [`Mode::CutToServer`] and [`Mode::CutToClient`] are counted
    /// from here, even if the mode stays the same.
    pub fn set(&self, mode: Mode) {
        self.send(Command::SetMode(mode));
    }

    /// Closes all connections on both sides, in any mode. New ones can be opened.
    pub fn sever(&self) {
        self.send(Command::End(Ending::Close));
    }

    /// Resets all connections on both sides (RST in place of FIN), in any mode. New ones can be
    /// opened.
    pub fn reset(&self) {
        self.send(Command::End(Ending::Reset));
    }

    /// Number of connections accepted so far.
    pub fn accepted(&self) -> u64 {
        self.counters().accepted()
    }

    /// Number of open connections.
    pub fn open(&self) -> u64 {
        self.counters().open()
    }

    /// Number of bytes passed to the server so far.
    pub fn bytes_to_server(&self) -> u64 {
        self.counters().to_server()
    }

    /// Number of bytes passed to clients so far.
    pub fn bytes_to_client(&self) -> u64 {
        self.counters().to_client()
    }

    /// The counters, after the proxy has counted everything that a client may have seen by now.
    fn counters(&self) -> &Counters {
        self.send(Command::Sync);
        &self.counters
    }

    /// Sends a command, and waits until it is carried out.
    fn send(&self, command: Command) {
        let (done, is_done) = mpsc::channel();
        let commands = self.commands.as_ref().expect("taken when dropped");
        assert!(commands.send((command, done)).is_ok(), "the proxy's thread has panicked");
        is_done.recv().expect("the proxy's thread has panicked");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.commands.take());
        // A panic of the thread has been printed already. A second one here would hide the failure
        // of the test itself.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
