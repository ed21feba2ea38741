//! Regions: countries and territories with phone numbers.

use std::fmt;
use std::str::FromStr;

use super::national;
use crate::error::{Error, FieldError, Result};

/// A country or territory, by its two letters of ISO 3166-1. Sets the national formats of phone
/// numbers.
///
/// With the feature `phone` these are the regions that libphonenumber knows. Without it any two
/// letters are accepted, and only `RU` has national formats.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region([u8; 2]);

impl Region {
    /// Russia.
    pub const RU: Self = Self(*b"RU");

    /// The two letters, in upper case.
    pub fn as_str(&self) -> &str {
        // Always ASCII letters: `from_str` checks them.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Region {
    type Err = Error;

    /// Reads two letters of either case.
    fn from_str(code: &str) -> Result<Self> {
        let region = match *code.as_bytes() {
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
                Self([a.to_ascii_uppercase(), b.to_ascii_uppercase()])
            }
            _ => return Err(region_invalid("must be the two letters of a country")),
        };
        if national::is_known(region.as_str()) {
            Ok(region)
        } else {
            Err(region_invalid("must be a country with phone numbers"))
        }
    }
}

fn region_invalid(rule: &'static str) -> Error {
    FieldError::new("region", "region_invalid", rule).into()
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
