//! The route of a message: the name by which a worker finds the provider that sends it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::error::{Error, FieldError, Result};

/// Longest name of a route, in bytes.
const MAX_LENGTH: usize = 32;

/// The route that a message takes: a name such as `default` or `sandbox`, 1 to 32 characters of
/// `a-z`, `0-9`, `_` and `-`.
///
/// A worker serves one or more routes, each with a provider. It leaves the messages of all other
/// routes to other workers.
///
/// ```
/// use sms_core::Route;
///
/// let route: Route = "sandbox".parse()?;
/// assert_eq!(route.as_str(), "sandbox");
/// assert_eq!(Route::default(), Route::DEFAULT);
/// assert!("Second provider".parse::<Route>().is_err());
/// # Ok::<(), sms_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Route(Cow<'static, str>);

impl Route {
    /// The route of every message that names no other: `default`.
    pub const DEFAULT: Self = Self(Cow::Borrowed("default"));
    /// The route of messages that are tests and must not leave the machine: `sandbox`.
    pub const SANDBOX: Self = Self(Cow::Borrowed("sandbox"));

    /// True if senders push the messages of this route to the queue. A queue holds ids without
    /// routes, so it holds those of the default route only; workers take the messages of all other
    /// routes from the store.
    pub(crate) fn is_pushed(&self) -> bool {
        *self == Self::DEFAULT
    }

    /// The name, as it is used in JSON, in stores and in logs.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Route {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Route {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        // Nearly every message takes this one, and so costs no allocation.
        if name == Self::DEFAULT.as_str() {
            return Ok(Self::DEFAULT);
        }
        let is_allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        if (1..=MAX_LENGTH).contains(&name.len()) && name.bytes().all(is_allowed) {
            return Ok(Self(Cow::Owned(name.to_owned())));
        }
        let rule = "must be 1 to 32 characters of a-z, 0-9, _ and -";
        Err(FieldError::new("route", "route_invalid", rule).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_small_letters_digits_underscores_and_hyphens_is_a_route() {
        let longest = "a".repeat(MAX_LENGTH);
        for name in ["default", "sandbox", "2", "a_b-9", longest.as_str()] {
            assert_eq!(name.parse::<Route>().expect("valid").to_string(), name);
        }
        let too_long = "a".repeat(MAX_LENGTH + 1);
        for name in ["", "Default", "a b", "a.b", "маршрут", "a\0", too_long.as_str()] {
            let error = name.parse::<Route>().expect_err(name);
            assert_eq!((error.code(), error.fields()[0].field), ("route_invalid", "route"));
        }
    }

    #[test]
    fn the_default_route_is_the_same_however_it_is_made() {
        assert_eq!("default".parse::<Route>().expect("valid"), Route::DEFAULT);
        assert_eq!(Route::default().as_str(), "default");
    }
}
