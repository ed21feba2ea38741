//! Plain TCP connections.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use tokio::time::Instant;

/// Time limit of a read.
const LIMIT: Duration = Duration::from_secs(30);
/// Time to wait for bytes that must not arrive.
const SILENCE: Duration = Duration::from_millis(100);

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(LIMIT)).expect("a socket");
    stream.set_nodelay(true).expect("a socket");
    stream
}

pub(crate) fn is_refused(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

pub(crate) fn write(mut stream: &TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).expect("written");
}

pub(crate) fn read(mut stream: &TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).expect("read");
    bytes
}

/// All bytes up to the end, which must not be an error.
pub(crate) fn rest(mut stream: &TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("read to the end");
    bytes
}

/// Checks that neither a byte nor the end arrives.
pub(crate) fn is_silent(mut stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(SILENCE)).expect("a socket");
    let answer = stream.read(&mut [0]);
    stream.set_read_timeout(Some(LIMIT)).expect("a socket");
    answer.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < LIMIT, "{what} did not happen");
        std::thread::yield_now();
    }
}
