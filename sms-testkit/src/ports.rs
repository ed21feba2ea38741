//! Ports that are reserved for one test.

use std::fs::{self, File};
use std::net::TcpListener;

/// Range below the ports that systems use for outgoing connections. Among those, a client that
/// reconnects to a stopped server would sooner or later get the port of the server as its own, and
/// connect to itself.
const RANGE: std::ops::Range<u16> = 20_000..30_000;

/// A port of 127.0.0.1 that no other test uses while this value exists, in this process or another,
/// even while nothing listens on the port.
pub(crate) struct Port {
    number: u16,
    /// A file lock, which the system releases when the process ends for any reason.
    _lock: File,
}

impl Port {
    /// Reserves a port on which nothing listens.
    pub(crate) fn free() -> Self {
        // One folder per user, because a user cannot open the files of another.
        let user = rustix::process::geteuid().as_raw();
        let folder = std::env::temp_dir().join(format!("sms-testkit-ports-{user}"));
        fs::create_dir_all(&folder).expect("the temporary folder can be written");
        (0..1000)
            .find_map(|_| {
                let number = fastrand::u16(RANGE);
                let lock = File::create(folder.join(number.to_string())).ok()?;
                lock.try_lock().ok()?;
                TcpListener::bind(("127.0.0.1", number)).ok()?;
                Some(Self { number, _lock: lock })
            })
            .expect("one of a thousand ports of 127.0.0.1 is free")
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}
