//! The faults that a proxy can inject.

use std::time::Duration;

/// The treatment of the bytes. A mode applies to existing connections and to new ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Passes everything at once.
    #[default]
    Pass,
    /// Passes everything, in each direction with this delay.
    Delay(Duration),
    /// Closes a connection on both sides once this many bytes have passed to the server since the
    /// mode was set; with 0, when the first byte is about to pass. Bytes to the client pass.
    CutToServer {
        /// Bytes that still reach the server.
        after_bytes: u64,
    },
    /// Closes a connection on both sides once this many bytes have passed to the client since the
    /// mode was set. With 0, the server has received a request and its reply is lost.
    CutToClient {
        /// Bytes that still reach the client.
        after_bytes: u64,
    },
    /// Keeps connections and accepts new ones, but moves nothing: neither bytes nor the end of a
    /// connection. The bytes that waited pass when the mode changes, as after a gap in the network.
    HalfOpen,
    /// Refuses new connections, as if nothing listened. Existing ones go on.
    Refuse,
    /// Passes a limited number of bytes per second in each direction, spread over the second.
    Trickle {
        /// Bytes per second; 0 counts as 1.
        bytes_per_second: u32,
    },
}
