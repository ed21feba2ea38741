//! The tokens of `auth/get_token`, for old clients.

use std::collections::HashMap;
use std::net::IpAddr;

/// The lifetime of a token in milliseconds.
const LIFETIME_MS: i64 = 600_000;

/// The valid tokens, with their expiry and the client address they belong to.
#[derive(Debug, Default)]
pub(crate) struct Tokens(HashMap<String, (i64, IpAddr)>);

impl Tokens {
    pub(crate) fn issue(&mut self, rng: &mut fastrand::Rng, now_ms: i64, peer: IpAddr) -> String {
        self.0.retain(|_, (expires_ms, _)| *expires_ms > now_ms);
        let token = format!("{:032x}", rng.u128(..));
        self.0.insert(token.clone(), (now_ms + LIFETIME_MS, peer));
        token
    }

    /// Checks that a token is valid for this client address.
    pub(crate) fn is_valid(&self, token: &str, now_ms: i64, peer: IpAddr) -> bool {
        self.0.get(token).is_some_and(|(expires_ms, owner)| *expires_ms > now_ms && *owner == peer)
    }
}
