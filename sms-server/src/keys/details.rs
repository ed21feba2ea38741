//! Keys with what belongs to them.

use secrecy::SecretString;
use time::OffsetDateTime;

use super::client::Client;
use super::key::ApiKey;

/// A key with what belongs to it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KeyDetails {
    /// The key.
    pub key: ApiKey,
    /// The client that the key belongs to.
    pub client: Client,
    /// The time of the last use, up to ten minutes too early; `None` if the key was never used.
    pub last_used_at: Option<OffsetDateTime>,
}

/// A key that was made, with its text.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IssuedKey {
    /// The key, its client, and no time of use.
    pub details: KeyDetails,
    /// The text of the key. Only its hash is stored, so it cannot be shown again.
    pub secret: SecretString,
}
