//! Settings of an installation that the doors share.

use std::time::Duration;

use serde::Serialize;
use sms_core::Explanation;
use utoipa::ToSchema;

use super::public_url::PublicUrl;
use super::time_zone::TimeZone;
use crate::http::network::IpNetwork;

/// The installation, as its operator named it.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// Its name, for people who use several.
    pub(crate) label: Option<String>,
    /// The address at which it is reached; `None` if it was not given.
    pub(crate) public_url: Option<PublicUrl>,
    /// The time zone of what people type.
    pub(crate) time_zone: TimeZone,
    /// Tells whether pages hide the middle of phone numbers until a person asks for them.
    pub(crate) masks_numbers: bool,
    /// The proxies that tell truly from where they were asked.
    pub(crate) trusted_proxies: Vec<IpNetwork>,
    /// The time that ended messages are kept.
    pub(crate) retention: Duration,
    /// The kind of the store; `None` for one that is not of this program.
    pub(crate) store: Option<StoreKind>,
    /// The kind of the queue; `None` for one that is not of this program.
    pub(crate) queue: Option<QueueKind>,
    /// The meanings of codes that rules of the sandbox give, where neither the provider nor the
    /// sandbox knows one.
    pub(crate) sandbox_codes: fn(i32) -> Option<Explanation>,
}

/// A kind of store.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code, reason = "depends on the features")]
pub(crate) enum StoreKind {
    /// A file of SQLite.
    Sqlite,
    /// A database of PostgreSQL.
    Postgresql,
}

/// A kind of queue.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code, reason = "depends on the features")]
pub(crate) enum QueueKind {
    /// In the memory of the process.
    Memory,
    /// Redis.
    Redis,
    /// `RabbitMQ`.
    Rabbitmq,
}

impl Site {
    /// The path under which browsers see the server, with a slash at both ends.
    pub(crate) fn base(&self) -> &str {
        self.public_url.as_ref().map_or("/", PublicUrl::base)
    }

    /// True if browsers reach the server over TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.public_url.as_ref().is_some_and(PublicUrl::is_tls)
    }
}

impl Default for Site {
    fn default() -> Self {
        Self {
            label: None,
            public_url: None,
            time_zone: TimeZone::default(),
            masks_numbers: true,
            trusted_proxies: Vec::new(),
            retention: Duration::from_hours(90 * 24),
            store: None,
            queue: None,
            sandbox_codes: |_| None,
        }
    }
}
