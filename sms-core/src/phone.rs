//! Phone numbers: every spelling a person may use, and the one form everything else sees.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, FieldError, Result};

/// The longest input that is looked at, in bytes: E.164's 15 digits with plenty of room for punctuation.
const MAX_INPUT: usize = 40;

/// A country or territory, by its two letters of ISO 3166-1: whose national number formats are understood.
///
/// With the feature `phone` these are the regions libphonenumber knows; without it any two letters, of
/// which only `RU` has national formats.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region([u8; 2]);

impl Region {
    /// Russia.
    pub const RU: Self = Self(*b"RU");

    /// The two letters, in upper case.
    pub fn as_str(&self) -> &str {
        // ASCII letters, by the one way there is to make a region.
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
        if is_known(region) {
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

/// A phone number in the international form of E.164.
///
/// `Display` and JSON show it whole (`+79251234567`), `Debug` masks it (`+7925***4567`).
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
    /// Reads a number as people write it, national formats being those of Russia.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid), with the field `to` and the rule that was broken; see
    /// [`parse_in`](Self::parse_in).
    pub fn parse(input: &str) -> Result<Self> {
        Self::parse_in(input, Region::RU)
    }

    /// Reads a number as people write it, national formats being those of `region`. It may hold ASCII digits,
    /// spaces (also the no-break one), `( ) - .` and one `+` in front.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid), with the field `to` and the rule that was broken: other characters
    /// (letters, extensions, lists, invisible ones), more than 40 bytes, no valid number of its region.
    pub fn parse_in(input: &str, region: Region) -> Result<Self> {
        let dialled = clean(input).map_err(phone_invalid)?;
        let digits = read(&dialled, region);
        let rule = "must be a whole, valid phone number, abroad with + and the country code";
        digits
            .and_then(Self::from_digits)
            .ok_or_else(|| phone_invalid(rule))
    }

    /// The number of these E.164 digits, country code first. `None` unless there are 7 to 15 of them.
    /// For numbers that were parsed before: whether they are in use is not looked up again.
    pub const fn from_digits(digits: u64) -> Option<Self> {
        // A country code never starts with 0, so a number has as many digits as it is written with.
        match digits {
            1_000_000..=999_999_999_999_999 => Some(Self(digits)),
            _ => None,
        }
    }

    /// The E.164 digits as a number: `79251234567`.
    pub const fn digits(self) -> u64 {
        self.0
    }

    /// The number for logs: the first and last four digits, `+7925***4567`; of a short one two and two.
    pub fn masked(self) -> impl fmt::Display + fmt::Debug {
        fmt::from_fn(move |f| {
            let digits = self.0.to_string();
            let shown = if digits.len() < 11 { 2 } else { 4 };
            let (head, tail) = (&digits[..shown], &digits[digits.len() - shown..]);
            write!(f, "+{head}***{tail}")
        })
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.masked(), f)
    }
}

impl Serialize for PhoneNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PhoneNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(E164)
    }
}

/// Reads exactly what `Serialize` writes.
struct E164;

impl Visitor<'_> for E164 {
    type Value = PhoneNumber;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a phone number as +79251234567")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<PhoneNumber, E> {
        let digits = text
            .strip_prefix('+')
            .filter(|digits| digits.starts_with(|c| matches!(c, '1'..='9')));
        let number = digits
            .and_then(|digits| digits.parse().ok())
            .and_then(PhoneNumber::from_digits);
        number.ok_or_else(|| E::custom("not a phone number as +79251234567"))
    }

    // Serde's own refusal of a number would repeat it, and with it somebody's phone.
    fn visit_u64<E: de::Error>(self, _: u64) -> Result<PhoneNumber, E> {
        self.visit_str("")
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<PhoneNumber, E> {
        self.visit_str("")
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<PhoneNumber, E> {
        self.visit_str("")
    }
}

fn phone_invalid(rule: &'static str) -> Error {
    FieldError::new("to", "phone_invalid", rule).into()
}

/// Takes the punctuation out. What is left is digits, with or without a + in front; libphonenumber, which would
/// also read letters, extensions and foreign digits, never sees anything else.
fn clean(input: &str) -> Result<String, &'static str> {
    if input.len() > MAX_INPUT {
        return Err("must be at most 40 bytes long");
    }
    let mut dialled = String::with_capacity(input.len());
    for c in input.trim_matches([' ', '\u{a0}']).chars() {
        match c {
            '0'..='9' => dialled.push(c),
            '+' if dialled.is_empty() => dialled.push(c),
            '+' => return Err("must have one + at most, in front"),
            ' ' | '\u{a0}' | '(' | ')' | '-' | '.' => {}
            _ => return Err("must be one number of digits, spaces and + ( ) - . only"),
        }
    }
    if dialled.is_empty() {
        Err("must not be empty")
    } else {
        Ok(dialled)
    }
}

#[cfg(feature = "phone")]
fn is_known(region: Region) -> bool {
    use rlibphonenumber::PHONE_NUMBER_UTIL;

    let known = |region| PHONE_NUMBER_UTIL.get_country_code_for_region(region).is_some();
    rlibphonenumber::Region::from_code(region.as_str()).is_ok_and(known)
}

#[cfg(not(feature = "phone"))]
fn is_known(_: Region) -> bool {
    true
}

/// The E.164 digits of what [`clean`] left, if they are a valid number.
#[cfg(feature = "phone")]
fn read(dialled: &str, region: Region) -> Option<u64> {
    use rlibphonenumber::{PhoneNumber, PhoneNumberFormat};

    let region = rlibphonenumber::Region::from_code(region.as_str()).ok();
    let number = PhoneNumber::parse(dialled, region)
        .ok()
        .filter(PhoneNumber::is_valid)?;
    number
        .format_as(PhoneNumberFormat::E164)
        .strip_prefix('+')?
        .parse()
        .ok()
}

/// The E.164 digits of what [`clean`] left, if they have the shape of a number.
#[cfg(not(feature = "phone"))]
fn read(dialled: &str, region: Region) -> Option<u64> {
    let international = match (dialled.strip_prefix('+'), dialled.as_bytes()) {
        (Some(digits), _) => digits.to_owned(),
        _ if region != Region::RU => return None,
        (None, [b'7' | b'8', ..]) if dialled.len() == 11 => format!("7{}", &dialled[1..]),
        (None, [b'9', ..]) if dialled.len() == 10 => format!("7{dialled}"),
        _ => return None,
    };
    match *international.as_bytes() {
        // Russia and Kazakhstan: ten digits, the first of them one of these.
        [b'7', first, ..] if international.len() != 11 || !b"34789".contains(&first) => None,
        [b'1'..=b'9', ..] => international.parse().ok(),
        _ => None,
    }
}
