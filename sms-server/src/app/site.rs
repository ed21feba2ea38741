//! Settings of an installation that the doors share.

use super::time_zone::TimeZone;
use crate::http::network::IpNetwork;

/// The installation, as its operator named it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Site {
    /// Its name, for people who use several.
    pub(crate) label: Option<String>,
    /// The time zone of what people type.
    pub(crate) time_zone: TimeZone,
    /// The proxies that tell truly from where they were asked.
    pub(crate) trusted_proxies: Vec<IpNetwork>,
}
