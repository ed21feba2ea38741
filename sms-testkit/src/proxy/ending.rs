//! The end of a connection.

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// The way in which a connection ends.
#[derive(Clone, Copy)]
pub(super) enum Ending {
    /// With FIN.
    Close,
    /// With RST.
    Reset,
}

impl Ending {
    /// Ends a connection. Errors are ignored: they mean that the other side has ended it already.
    pub(super) async fn apply(self, stream: &mut TcpStream) {
        match self {
            // Before the socket is dropped: a socket that is dropped with unread bytes is reset.
            Self::Close => drop(stream.shutdown().await),
            Self::Reset => drop(stream.set_zero_linger()),
        }
    }
}
