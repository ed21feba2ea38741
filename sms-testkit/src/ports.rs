//! Ports that are nobody else's.

use std::fs::{self, File};
use std::net::TcpListener;

/// Below the ports that systems give to outgoing connections. From among those, a client that
/// connects again and again to a server that is down would sooner or later be given the server's
/// own port, and so answer itself.
const RANGE: std::ops::Range<u16> = 20_000..30_000;

/// A port of 127.0.0.1, kept from other tests, those of other processes too, for as long as this
/// lives: also while nothing listens on it.
pub(crate) struct Port {
    number: u16,
    /// The system takes the lock off when the process ends, however it ends.
    _lock: File,
}

impl Port {
    /// One that nothing listens on.
    pub(crate) fn free() -> Self {
        // A folder for each user: one could not open the files of another.
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
