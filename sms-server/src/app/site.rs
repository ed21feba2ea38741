//! Settings of an installation that the doors share.

use std::time::Duration;

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
        }
    }
}
