//! Phone numbers in the format E.164.

use std::borrow::Cow;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::national;
use super::region::Region;
use super::typed::clean;
use crate::error::{Error, FieldError, Result};

/// A phone number in the international format E.164.
///
/// `Display` and JSON show all digits (`+79251234567`), `Debug` masks them (`+7925***4567`).
///
/// ```
/// use sms_core::PhoneNumber;
///
/// let number = PhoneNumber::parse("8 (925) 123-45-67")?;
/// assert_eq!(number, PhoneNumber::parse("+79251234567")?);
/// assert_eq!(number.to_string(), "+79251234567");
/// assert_eq!(format!("{number:?}"), "+7925***4567");
/// # Ok::<(), sms_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneNumber(u64);

impl PhoneNumber {
    /// Stands for the number of an [erased](crate::Erasure) message. No number is equal to it.
    pub const ERASED: Self = Self(0);

    /// Reads a number in a common spelling, with the national formats of Russia.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid), with the field `to` and the rule that was broken;
    /// see [`parse_in`](Self::parse_in).
    pub fn parse(input: &str) -> Result<Self> {
        Self::parse_in(input, Region::RU)
    }

    /// Reads a number in a common spelling, with the national formats of `region`. It may contain
    /// ASCII digits, spaces of any width, `( ) - .` and one `+` before the digits. Invisible format
    /// characters, which pasted text may contain, are dropped. A number abroad begins with `+` or
    /// with the region's international prefix: `00` in most of Europe, `011` in North America,
    /// `810` in Russia.
    ///
    /// Without the feature `phone`, `+` and the national formats and prefix of Russia are
    /// supported, but not those of other regions.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid), with the field `to` and the rule that was broken:
    /// another character (of an extension or a list, for example), with its code point and place;
    /// more than 40 characters; not a valid number of its region.
    pub fn parse_in(input: &str, region: Region) -> Result<Self> {
        let typed = clean(input).map_err(phone_invalid)?;
        let digits = national::read(&typed, region.as_str());
        let rule = "must be a whole, valid phone number, abroad with + and the country code";
        digits.and_then(Self::from_digits).ok_or_else(|| phone_invalid(rule))
    }

    /// The number with these E.164 digits, country code first. `None` unless there are 7 to 15 of
    /// them. For numbers that were parsed before: it is not checked again that they are in use.
    pub const fn from_digits(digits: u64) -> Option<Self> {
        // A country code never starts with 0, so no leading digit is lost in the integer.
        match digits {
            1_000_000..=999_999_999_999_999 => Some(Self(digits)),
            _ => None,
        }
    }

    /// The same for digits that a store has kept, those of [`ERASED`](Self::ERASED) included.
    pub const fn from_stored(digits: u64) -> Option<Self> {
        if digits == Self::ERASED.0 { Some(Self::ERASED) } else { Self::from_digits(digits) }
    }

    /// The E.164 digits as an integer: `79251234567`.
    pub const fn digits(self) -> u64 {
        self.0
    }

    /// The masked number for logs: the first and last four digits, `+7925***4567`; for a number of
    /// fewer than 11 digits, the first and last two.
    pub fn masked(self) -> String {
        if self == Self::ERASED {
            return "erased".to_owned();
        }
        let digits = self.0.to_string();
        let shown = if digits.len() < 11 { 2 } else { 4 };
        let (head, tail) = (&digits[..shown], &digits[digits.len() - shown..]);
        format!("+{head}***{tail}")
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Serialize for PhoneNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PhoneNumber {
    /// Reads only the form that `Serialize` writes. It is not checked that the number is in use, so
    /// that stored numbers stay readable when libphonenumber's metadata changes.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let refused = || D::Error::custom("not a phone number as +79251234567");
        // The format's own error is dropped, because it would repeat a number given as an integer.
        let text = String::deserialize(deserializer).map_err(|_| refused())?;
        let digits =
            text.strip_prefix('+').filter(|digits| digits.starts_with(|c| matches!(c, '1'..='9')));
        digits
            .and_then(|digits| digits.parse().ok())
            .and_then(Self::from_digits)
            .ok_or_else(refused)
    }
}

fn phone_invalid(rule: impl Into<Cow<'static, str>>) -> Error {
    FieldError::new("to", "phone_invalid", rule).into()
}
