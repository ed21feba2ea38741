//! Brake on failed sign-ins: an address that tries wrong keys is refused for a while.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use tokio::time::Instant;

use super::network::IpNetwork;
use super::problem::Problem;

/// Wrong keys from one address in [`WINDOW`], after which it is refused.
const MAX_FAILURES: u32 = 20;
/// The time in which failures count, and for which an address is refused.
const WINDOW: Duration = Duration::from_mins(1);
/// Addresses that are remembered at most. Beyond that the one that failed least recently is
/// forgotten.
const MAX_ADDRESSES: usize = 10_000;

/// Failed sign-ins by address.
#[derive(Debug, Default)]
pub(crate) struct SignInBrake {
    /// Set once an address has been refused: until then no request takes the lock.
    is_in_use: AtomicBool,
    failures: Mutex<HashMap<IpNetwork, Failures>>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    /// The end of the time in which they count, or for which the address is refused.
    until: Instant,
}

impl SignInBrake {
    /// Refuses an address that has tried too many wrong keys.
    pub(crate) fn check(&self, address: IpAddr) -> Result<(), Problem> {
        if !self.is_in_use.load(Ordering::Relaxed) {
            return Ok(());
        }
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let known = failures.get(&IpNetwork::of_client(address));
        let now = Instant::now();
        match known.filter(|known| known.count >= MAX_FAILURES && known.until > now) {
            Some(known) => Err(refused(known.until - now)),
            None => Ok(()),
        }
    }

    /// Notes a wrong key.
    pub(crate) fn note_failure(&self, address: IpAddr) {
        let (now, client) = (Instant::now(), IpNetwork::of_client(address));
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= MAX_ADDRESSES && !failures.contains_key(&client) {
            failures.retain(|_, known| known.until > now);
            let oldest = failures.iter().min_by_key(|(_, known)| known.until).map(|it| *it.0);
            if let Some(oldest) = oldest.filter(|_| failures.len() >= MAX_ADDRESSES) {
                failures.remove(&oldest);
            }
        }
        let known = failures.entry(client).or_insert(Failures { count: 0, until: now + WINDOW });
        if known.until <= now {
            *known = Failures { count: 0, until: now + WINDOW };
        }
        known.count += 1;
        if known.count == MAX_FAILURES {
            known.until = now + WINDOW;
            self.is_in_use.store(true, Ordering::Relaxed);
            tracing::warn!(address = %client, "many wrong keys; refused for a minute");
        }
    }
}

fn refused(wait: Duration) -> Problem {
    let detail = "too many wrong keys came from this address; try again later";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_wrong_keys", detail)
        .with_header(header::RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1))
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

    fn fail(brake: &SignInBrake, address: IpAddr, times: u32) {
        for _ in 0..times {
            assert!(brake.check(address).is_ok());
            brake.note_failure(address);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_is_refused_after_many_wrong_keys_and_for_a_minute() {
        let brake = SignInBrake::default();
        fail(&brake, ADDRESS, MAX_FAILURES - 1);
        advance(WINDOW).await;
        fail(&brake, ADDRESS, MAX_FAILURES - 1);
        advance(WINDOW / 2).await;
        fail(&brake, ADDRESS, 1);
        assert!(brake.check(ADDRESS).is_err());
        assert!(brake.check([192, 0, 2, 8].into()).is_ok(), "another address");
        advance(WINDOW.saturating_sub(Duration::from_millis(1))).await;
        assert!(brake.check(ADDRESS).is_err());
        advance(Duration::from_millis(1)).await;
        fail(&brake, ADDRESS, MAX_FAILURES);
        assert!(brake.check(ADDRESS).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_customer_with_many_addresses_of_ipv6_is_one_address() {
        let brake = SignInBrake::default();
        for host in 0..MAX_FAILURES {
            let host = u16::try_from(host).unwrap();
            brake.note_failure(IpAddr::from([0x2001, 0xdb8, 0, 7, 0, 0, 0, host]));
        }
        assert!(brake.check(IpAddr::from([0x2001, 0xdb8, 0, 7, 1, 2, 3, 4])).is_err());
        assert!(brake.check(IpAddr::from([0x2001, 0xdb8, 0, 8, 0, 0, 0, 0])).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_memory_for_addresses_is_bounded_and_those_refused_last_stay() {
        let brake = SignInBrake::default();
        for number in 0..u32::try_from(MAX_ADDRESSES).unwrap() {
            brake.note_failure(IpAddr::V4(number.into()));
        }
        advance(Duration::from_secs(1)).await;
        fail(&brake, ADDRESS, MAX_FAILURES);
        brake.note_failure([198, 51, 100, 1].into());
        assert!(brake.check(ADDRESS).is_err());
        assert_eq!(brake.failures.lock().unwrap().len(), MAX_ADDRESSES);
    }
}
