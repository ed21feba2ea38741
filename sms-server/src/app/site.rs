//! Settings of an installation that the doors share.

use super::time_zone::TimeZone;

/// The installation, as its operator named it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Site {
    /// Its name, for people who use several.
    pub(crate) label: Option<String>,
    /// The time zone of what people type.
    pub(crate) time_zone: TimeZone,
}
