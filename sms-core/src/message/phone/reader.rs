//! Reader of phone numbers with the settings of a store.

use super::national::{country_code, national_prefix};
use super::number::PhoneNumber;
use super::region::Region;
use super::typed::clean;
use crate::error::Result;

/// Minimum number of digits that stand for a number.
const MIN_COMMON_DIGITS: usize = 8;
/// Minimum number of digits in a search.
const MIN_SEARCH_DIGITS: usize = 3;

/// Reads phone numbers in the national formats of one region.
///
/// A store has one in its configuration. [`Sender`](crate::Sender), `insert_in`, lists and searches
/// take it from there, so that a number is found in the same spelling in which it was sent to.
///
/// ```
/// use sms_core::{NumberReader, Region};
///
/// let numbers = NumberReader::new(Region::RU);
/// assert_eq!(numbers.read("8 (925) 123-45-67")?, numbers.read("+79251234567")?);
/// assert_eq!(numbers.search_digits("8 (925) 12"), ["892512", "792512"]);
/// # Ok::<(), sms_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberReader {
    region: Region,
}

impl Default for NumberReader {
    /// The reader of Russia.
    fn default() -> Self {
        Self::new(Region::RU)
    }
}

impl NumberReader {
    /// The reader of this region's national formats and international prefix.
    pub const fn new(region: Region) -> Self {
        Self { region }
    }

    /// The region.
    pub const fn region(self) -> Region {
        self.region
    }

    /// Reads a number, see [`PhoneNumber::parse_in`].
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid), with the field `to` and the rule that was broken.
    pub fn read(self, input: &str) -> Result<PhoneNumber> {
        PhoneNumber::parse_in(input, self.region)
    }

    /// Digits to look for in E.164 numbers, for a search by a part of a number: the typed digits,
    /// and their meaning with the region's national prefix or as a whole number. Empty for a text
    /// that is not a part of a number, or has fewer than three digits.
    pub fn search_digits(self, search: &str) -> Vec<String> {
        let Ok(typed) = clean(search) else { return Vec::new() };
        let digits = typed.dialled.trim_start_matches('+');
        if digits.len() < MIN_SEARCH_DIGITS {
            return Vec::new();
        }
        let mut found = vec![digits.to_owned()];
        if typed.dialled.starts_with('+') {
            return found;
        }
        let whole = self.read(search).ok().map(|number| number.digits().to_string());
        for meant in [whole, self.without_national_prefix(digits)].into_iter().flatten() {
            // A search for the shorter digits finds numbers with the longer ones too.
            if !found.iter().any(|known| meant.contains(known.as_str())) {
                found.push(meant);
            }
        }
        found
    }

    /// The digits that all spellings of a number have in common: those without the country code for
    /// a number of the region, which may be written with it, with the national prefix, or without
    /// both.
    pub fn common_digits(self, number: PhoneNumber) -> String {
        let digits = number.digits().to_string();
        let code = country_code(self.region.as_str()).map(|code| code.to_string());
        let national = code.and_then(|code| digits.strip_prefix(&code).map(str::to_owned));
        national.filter(|national| national.len() >= MIN_COMMON_DIGITS).unwrap_or(digits)
    }

    /// The digits with the country code instead of the national prefix: 7902 for 8902 in Russia.
    fn without_national_prefix(self, digits: &str) -> Option<String> {
        let prefix = national_prefix(self.region.as_str()).filter(|prefix| !prefix.is_empty())?;
        let rest =
            digits.strip_prefix(prefix.as_str()).filter(|rest| rest.len() >= MIN_SEARCH_DIGITS)?;
        Some(format!("{}{rest}", country_code(self.region.as_str())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn searched(region: &str, search: &str) -> Vec<String> {
        NumberReader::new(region.parse().expect("a region")).search_digits(search)
    }

    #[test]
    fn a_search_means_what_it_would_mean_as_a_number() {
        assert_eq!(searched("RU", "8 (902) 123-45-67"), ["89021234567", "79021234567"]);
        assert_eq!(searched("RU", "8902"), ["8902", "7902"]);
        assert_eq!(searched("RU", "+7 902"), ["7902"]);
        assert_eq!(searched("RU", "902\u{a0}123"), ["902123"]);
        assert_eq!(searched("RU", "9021234567"), ["9021234567"]);
        assert_eq!(searched("RU", "4567"), ["4567"]);
        assert_eq!(searched("RU", "890"), ["890"]);
        for no_number in ["12", "8 (9", "order 4567", "", "+"] {
            assert!(searched("RU", no_number).is_empty(), "{no_number}");
        }
    }

    #[test]
    fn the_common_digits_are_in_every_spelling() {
        let common = |region: &str, number: &str| {
            let number = PhoneNumber::parse(number).expect("a number");
            NumberReader::new(region.parse().expect("a region")).common_digits(number)
        };
        let digits = common("RU", "+79251234567");
        assert_eq!(digits, "9251234567");
        for spelling in ["89251234567", "79251234567", "9251234567"] {
            assert!(spelling.contains(&digits), "{spelling}");
        }
        assert_eq!(common("RU", "+375291234567"), "375291234567");
    }

    #[test]
    #[cfg(feature = "phone")]
    fn a_search_knows_the_prefixes_of_its_region() {
        assert_eq!(searched("DE", "0170 123"), ["0170123", "49170123"]);
        assert_eq!(searched("RU", "810 375 29 123-45-67"), ["810375291234567", "375291234567"]);
        assert_eq!(searched("US", "415 555"), ["415555"]);
    }
}
