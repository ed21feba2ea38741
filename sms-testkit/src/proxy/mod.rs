//! A TCP proxy on 127.0.0.1 that harms the connections it carries.
//!
//! A test puts it between the code and its server, and says what is to happen to the bytes:
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
//! proxy.set(Mode::CutToServer { after_bytes: 2 }); // the connection dies in the middle of the request
//! client.write_all(b"PING")?;
//!
//! let mut arrived = Vec::new();
//! server.accept()?.0.read_to_end(&mut arrived)?;
//! assert_eq!(arrived, b"PI");
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! [`Proxy::in_front_of`] takes the URL of a server, and gives the one that leads there through the
//! proxy.
//!
//! It runs on a thread of its own and by the real clock: neither a paused clock nor a blocked
//! runtime holds it up. What its methods order has happened when they return, to connections that
//! clients have only just opened too.

mod connection;
mod counters;
mod listener;
mod pump;

use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use url::Url;

use self::connection::Ending;
use self::counters::Counters;
use self::listener::{Gate, Order};
use crate::address::host_and_port;
use crate::ports::Port;

/// What happens to the bytes. Each mode holds for the connections there are and for new ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Everything passes, at once.
    #[default]
    Pass,
    /// Everything passes, in each direction this much later.
    Delay(Duration),
    /// A connection is closed, on both sides, once this many bytes have passed to the server since
    /// the mode was set; with 0, when the first is about to. What goes to the client passes.
    CutToServer {
        /// How many bytes the server still gets.
        after_bytes: u64,
    },
    /// The same for what goes to the client. With 0, the server has got a request, and its reply is
    /// lost.
    CutToClient {
        /// How many bytes the client still gets.
        after_bytes: u64,
    },
    /// Connections stay, new ones are accepted, and nothing moves: neither bytes nor the end of a
    /// connection. What waited passes when the mode is over, as after a gap in the network.
    HalfOpen,
    /// New connections are refused, as if nothing listened. The ones there are go on.
    Refuse,
    /// This much passes in each direction, spread over the second.
    Trickle {
        /// How many; 0 counts as 1.
        bytes_per_second: u32,
    },
}

/// A TCP proxy on 127.0.0.1. Dropped, it closes its connections and its port.
pub struct Proxy {
    address: SocketAddr,
    counters: Arc<Counters>,
    /// Given up to end the thread.
    orders: Option<UnboundedSender<(Order, mpsc::Sender<()>)>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Listens on a free port, and carries its connections to the target. The mode is
    /// [`Mode::Pass`].
    ///
    /// The target need not listen yet. A client whose target refuses is connected and reset.
    pub fn start(target: impl ToSocketAddrs) -> Self {
        let target = target.to_socket_addrs().ok().and_then(|mut all| all.next());
        let target = target.expect("the target of a proxy has an address");
        let port = Port::free();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.number()));
        let counters = Arc::new(Counters::default());
        let (orders, received) = unbounded_channel();
        let (open, opened) = mpsc::channel();
        let gate = Gate::new(port, target, counters.clone());
        let thread = std::thread::spawn(move || listener::run(gate, received, &open));
        opened.recv().expect("the proxy listens");
        Self { address, counters, orders: Some(orders), thread: Some(thread) }
    }

    /// A proxy to the server of a URL, and the same URL with the proxy's address in it.
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

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the mode. Counts of bytes begin anew, also when the mode stays the same.
    pub fn set(&self, mode: Mode) {
        self.order(Order::Mode(mode));
    }

    /// Closes every connection there is, on both sides, whatever the mode. New ones can be made.
    pub fn sever(&self) {
        self.order(Order::End(Ending::Close));
    }

    /// Resets every connection there is, on both sides (RST in place of FIN), whatever the mode.
    /// New ones can be made.
    pub fn reset(&self) {
        self.order(Order::End(Ending::Reset));
    }

    /// How many connections were accepted so far.
    pub fn accepted(&self) -> u64 {
        self.counters().accepted()
    }

    /// How many connections are there now.
    pub fn open(&self) -> u64 {
        self.counters().open()
    }

    /// How many bytes were passed to the server so far.
    pub fn bytes_to_server(&self) -> u64 {
        self.counters().to_server()
    }

    /// How many bytes were passed to clients so far.
    pub fn bytes_to_client(&self) -> u64 {
        self.counters().to_client()
    }

    /// The counters, once the proxy has noted all that anybody may have seen by now.
    fn counters(&self) -> &Counters {
        self.order(Order::Note);
        &self.counters
    }

    fn order(&self, order: Order) {
        let (done, wait) = mpsc::channel();
        let orders = self.orders.as_ref().expect("taken when dropped");
        assert!(orders.send((order, done)).is_ok(), "the proxy's thread has panicked");
        wait.recv().expect("the proxy's thread has panicked");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.orders.take());
        // A panic of the thread has been printed; a second one would hide what the test itself
        // says.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
