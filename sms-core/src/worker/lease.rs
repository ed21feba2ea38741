//! Length of a lease.

use std::time::Duration;

/// The shortest lease that keeps a message its worker's for as long as a call to the provider can
/// last: twice the call, and 10 s for the store.
pub fn least_lease(provider_timeout: Duration) -> Duration {
    2 * provider_timeout + Duration::from_secs(10)
}
