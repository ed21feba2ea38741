//! Settings of an installation that the doors share.

use std::time::Duration;

use super::time_zone::TimeZone;
use crate::http::network::IpNetwork;

/// The installation, as its operator named it.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// Its name, for people who use several.
    pub(crate) label: Option<String>,
    /// The time zone of what people type.
    pub(crate) time_zone: TimeZone,
    /// The proxies that tell truly from where they were asked.
    pub(crate) trusted_proxies: Vec<IpNetwork>,
    /// The time that ended messages are kept.
    pub(crate) retention: Duration,
}

impl Default for Site {
    fn default() -> Self {
        Self {
            label: None,
            time_zone: TimeZone::default(),
            trusted_proxies: Vec::new(),
            retention: Duration::from_hours(90 * 24),
        }
    }
}
