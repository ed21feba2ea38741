//! Uptime of the machine: a clock that cannot be set.

/// A reading of a clock that only goes forward, from the start of a machine on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uptime {
    /// Number of the boot, different for every boot of the machine. Readings of different boots
    /// cannot be compared.
    pub boot: u64,
    /// Milliseconds since the machine started, including the time it was suspended.
    pub ms: i64,
}

/// Reads the uptime on Linux: the clock that also runs while the machine is suspended, and the
/// kernel's id of the boot.
#[cfg(target_os = "linux")]
pub(super) fn read() -> Uptime {
    use rustix::time::{ClockId, clock_gettime};

    let since = clock_gettime(ClockId::Boottime);
    Uptime {
        boot: boot(),
        ms: since.tv_sec.saturating_mul(1000).saturating_add(since.tv_nsec / 1_000_000),
    }
}

/// Reads the uptime on other systems: the time since the start of the process.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::disallowed_methods, reason = "tokio's clock can be paused, this one must go on")]
pub(super) fn read() -> Uptime {
    use std::sync::LazyLock;
    use std::time::Instant;

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    Uptime { boot: boot(), ms: super::millis::duration_to_ms(START.elapsed()) }
}

/// Number of the boot; where that is not known, a random number for the process.
fn boot() -> u64 {
    use std::sync::OnceLock;

    static BOOT: OnceLock<u64> = OnceLock::new();
    *BOOT.get_or_init(|| {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let digits: String = id.chars().filter(char::is_ascii_hexdigit).take(16).collect();
        u64::from_str_radix(&digits, 16).unwrap_or_else(|_| fastrand::u64(..))
    })
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn the_uptime_goes_forward_and_keeps_its_run() {
        let (first, second) = (read(), read());
        assert_eq!(first.boot, second.boot);
        assert!(first.ms >= 0 && second.ms >= first.ms);
    }
}
