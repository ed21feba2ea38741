//! Phone numbers: every spelling a person may use, and the one form everything else sees.

mod reader;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::reader::NumberReader;
use crate::error::{Error, FieldError, Result};
use crate::invisible;

/// The longest number, in characters: E.164's 15 digits with plenty of room for punctuation. Format
/// characters do not count.
const MAX_LENGTH: usize = 40;
/// The longest input that is looked at, in bytes.
const MAX_INPUT: usize = 400;

/// A country or territory, by its two letters of ISO 3166-1: whose national number formats are
/// understood.
///
/// With the feature `phone` these are the regions libphonenumber knows; without it any two letters,
/// of which only `RU` has national formats.
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
    /// [`Invalid`](crate::ErrorKind::Invalid), with the field `to` and the rule that was broken;
    /// see [`parse_in`](Self::parse_in).
    pub fn parse(input: &str) -> Result<Self> {
        Self::parse_in(input, Region::RU)
    }

    /// Reads a number as people write it, national formats being those of `region`. It may hold
    /// ASCII digits, spaces of any width, `( ) - .` and one `+` before the digits; format
    /// characters, as a paste brings them along, are dropped. A number abroad begins with `+` or
    /// with the region's international prefix: `00` in most of Europe, `011` in North America,
    /// `810` in Russia.
    ///
    /// Without the feature `phone`, `+` and the national formats and prefix of Russia are
    /// understood, and no other region's.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid), with the field `to` and the rule that was broken:
    /// another character (a letter, an extension, a list), by its code point and place; more than
    /// 40 characters; no valid number of its region.
    pub fn parse_in(input: &str, region: Region) -> Result<Self> {
        let typed = clean(input).map_err(phone_invalid)?;
        let digits = read(&typed, region);
        let rule = "must be a whole, valid phone number, abroad with + and the country code";
        digits.and_then(Self::from_digits).ok_or_else(|| phone_invalid(rule))
    }

    /// The number of these E.164 digits, country code first. `None` unless there are 7 to 15 of
    /// them. For numbers that were parsed before: whether they are in use is not looked up again.
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

    /// The number for logs: the first and last four digits, `+7925***4567`; of a short one two and
    /// two.
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
    /// Reads exactly what `Serialize` writes. Whether the number is in use is not looked up: what
    /// was stored once stays readable when libphonenumber's metadata moves on.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let refused = || D::Error::custom("not a phone number as +79251234567");
        // The format's own refusal is dropped, because it repeats a number that came as an integer.
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

/// A number without its punctuation.
struct Typed {
    /// Digits, with or without a + in front; libphonenumber, which would also read letters,
    /// extensions and foreign digits, never sees anything else.
    dialled: String,
    /// How much of that comes before the first parenthesis, which opens an area code.
    area_at: Option<usize>,
}

/// Takes the punctuation out.
fn clean(input: &str) -> Result<Typed, Cow<'static, str>> {
    const TOO_LONG: Result<Typed, Cow<'static, str>> =
        Err(Cow::Borrowed("must be at most 40 characters long"));
    if input.len() > MAX_INPUT {
        return TOO_LONG;
    }
    let mut typed =
        Typed { dialled: String::with_capacity(input.len().min(MAX_LENGTH)), area_at: None };
    let mut length = 0;
    for (index, c) in input.chars().enumerate() {
        match c {
            '0'..='9' => typed.dialled.push(c),
            '+' if typed.dialled.is_empty() => typed.dialled.push(c),
            '+' => return Err("must have one + at most, before the digits".into()),
            '(' => typed.area_at = typed.area_at.or(Some(typed.dialled.len())),
            ')' | '-' | '.' => {}
            _ if invisible::is_format(c) => continue,
            _ if is_blank(c) => {}
            _ => return Err(stranger(index, c)),
        }
        length += 1;
    }
    match length {
        _ if length > MAX_LENGTH => TOO_LONG,
        _ if typed.dialled.is_empty() => Err("must not be empty".into()),
        _ => Ok(typed),
    }
}

/// A blank within a line, of any width.
fn is_blank(c: char) -> bool {
    c.is_whitespace() && !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}')
}

fn stranger(index: usize, c: char) -> Cow<'static, str> {
    let rule = "must be one number of digits, spaces and + ( ) - . only";
    format!("{rule}; character {} is U+{:04X}", index + 1, u32::from(c)).into()
}

#[cfg(feature = "phone")]
fn country_code(region: Region) -> Option<i32> {
    let region = rlibphonenumber::Region::from_code(region.as_str()).ok()?;
    rlibphonenumber::PHONE_NUMBER_UTIL.get_country_code_for_region(region)
}

#[cfg(feature = "phone")]
fn is_known(region: Region) -> bool {
    country_code(region).is_some()
}

#[cfg(not(feature = "phone"))]
fn is_known(_: Region) -> bool {
    true
}

/// What stands before a number of the region itself, when it is called from there.
#[cfg(feature = "phone")]
fn national_prefix(region: Region) -> Option<String> {
    use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};

    // libphonenumber keeps it to itself, and shows it in the way it writes numbers.
    let region = Region::from_code(region.as_str()).ok()?;
    let example = PHONE_NUMBER_UTIL.get_example_number(region).ok()?;
    let written = example.format_as(PhoneNumberFormat::National);
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    digits.strip_suffix(&example.get_national_significant_number()).map(str::to_owned)
}

#[cfg(not(feature = "phone"))]
fn national_prefix(region: Region) -> Option<String> {
    (region == Region::RU).then(|| "8".to_owned())
}

#[cfg(not(feature = "phone"))]
fn country_code(region: Region) -> Option<i32> {
    (region == Region::RU).then_some(7)
}

/// The E.164 digits of what [`clean`] left, if they are a valid number.
#[cfg(feature = "phone")]
fn read(Typed { dialled, area_at }: &Typed, region: Region) -> Option<u64> {
    use rlibphonenumber::{PhoneNumber, PhoneNumberFormat};

    if let Some(mobile) = russian_mobile(dialled, region) {
        return Some(mobile);
    }
    let known = rlibphonenumber::Region::from_code(region.as_str()).ok();
    let number = PhoneNumber::parse(dialled, known).ok().filter(PhoneNumber::is_valid)?;
    let international = number.format_as(PhoneNumberFormat::E164);
    let digits = international.strip_prefix('+')?;
    // Abroad without a + took the international prefix, 8~10 in Russia. A parenthesis inside it
    // opens an area code: 8 (105) 005-12-34 is a slip in a national number, and no phone on the
    // Falkland Islands.
    let is_abroad = !dialled.starts_with('+') && country_code(region) != Some(number.country_code);
    let prefix = dialled.len().saturating_sub(digits.len());
    if is_abroad && area_at.is_some_and(|at| at < prefix) {
        return None;
    }
    digits.parse().ok()
}

/// The E.164 digits of a Russian mobile number, which most numbers are: 9 and nine more digits, all
/// in use but for a part of 930, which is left to libphonenumber. It says the same of all others,
/// and takes a tenth of the time that accepting a message takes to say it.
#[cfg(feature = "phone")]
fn russian_mobile(dialled: &str, region: Region) -> Option<u64> {
    let national = match dialled.strip_prefix("+7") {
        Some(national) => national,
        None if region == Region::RU => dialled
            .strip_prefix(['7', '8'])
            .filter(|national| national.len() == 10)
            .unwrap_or(dialled),
        None => return None,
    };
    let is_mobile =
        national.len() == 10 && national.starts_with('9') && !national.starts_with("930");
    national.parse().ok().filter(|_| is_mobile).map(|national: u64| 70_000_000_000 + national)
}

/// The E.164 digits of what [`clean`] left, if they have the shape of a number.
#[cfg(not(feature = "phone"))]
fn read(Typed { dialled, area_at }: &Typed, region: Region) -> Option<u64> {
    let international = match (dialled.strip_prefix('+'), dialled.as_bytes()) {
        (Some(digits), _) => digits.to_owned(),
        _ if region != Region::RU => return None,
        // Long enough not to be a national number.
        (None, _) if dialled.len() > 11 && area_at.is_none_or(|at| at >= 3) => {
            dialled.strip_prefix("810")?.to_owned()
        }
        (None, [b'7' | b'8', ..]) if dialled.len() == 11 => format!("7{}", &dialled[1..]),
        (None, [b'9', ..]) if dialled.len() == 10 => format!("7{dialled}"),
        _ => return None,
    };
    match *international.as_bytes() {
        // Russia and Kazakhstan: ten digits, the first of them one of these.
        [b'7', first, ..] if international.len() != 11 || !b"34789".contains(&first) => None,
        // No country code starts with 89, but the slip +8 925 123-45-67 does.
        [b'8', b'9', ..] => None,
        [b'1'..=b'9', ..] => international.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Spellings read in Russia, with and without libphonenumber.
    const GOOD: &[(&str, u64)] = &[
        ("8 (925) 123-45-67", 79_251_234_567),
        ("8-925-123-45-67", 79_251_234_567),
        ("89251234567", 79_251_234_567),
        ("79251234567", 79_251_234_567),
        ("7 925 123 45 67", 79_251_234_567),
        ("+79251234567", 79_251_234_567),
        ("+7 925 123-45-67", 79_251_234_567),
        ("+7 (925) 123.45.67", 79_251_234_567),
        ("+7\u{a0}925\u{a0}123-45-67", 79_251_234_567),
        ("(+7) 925 123-45-67", 79_251_234_567),
        (" \u{a0}+79251234567 ", 79_251_234_567),
        ("+7\u{202f}925\u{2009}123\u{3000}45 67", 79_251_234_567),
        // What a paste brings along: marks of direction, a soft hyphen, a byte order mark, a
        // joiner.
        ("\u{202d}+79251234567\u{202c}", 79_251_234_567),
        ("\u{2068}+7 (925) 123-45-67\u{2069}\u{200e}", 79_251_234_567),
        ("+7\u{ad}925\u{200b}1234567", 79_251_234_567),
        ("\u{feff}8\u{2060}9251234567", 79_251_234_567),
        ("810 44 20 7946 0000", 442_079_460_000),
        ("9251234567", 79_251_234_567),
        ("8 800 555 35 35", 78_005_553_535),
        // The crate `phonenumber` 0.3 reads these two as +7005553535.
        ("78005553535", 78_005_553_535),
        ("+78005553535", 78_005_553_535),
        ("74993221627", 74_993_221_627),
        ("8 701 123-45-67", 77_011_234_567),
        ("+44 20 7946 0000", 442_079_460_000),
        ("+1 (415) 555-2671", 14_155_552_671),
        ("+375 29 123-45-67", 375_291_234_567),
        ("+39 06 698 12345", 390_669_812_345),
    ];

    /// What no build reads, and why.
    const BAD: &[(&str, &str)] = &[
        ("", "empty"),
        (" \u{a0} ", "blank"),
        ("+", "no digit"),
        ("-", "no digit"),
        ("0", "no number"),
        ("112", "too short: an emergency number"),
        ("1234567", "too short: no area code"),
        ("7925123456", "a digit short"),
        ("8925123456", "a digit short"),
        ("+7925123456", "a digit short"),
        ("892512345678", "a digit long"),
        ("+792512345678", "a digit long"),
        ("+70000000000", "not in use in Russia"),
        ("80251234567", "not in use in Russia"),
        ("+8 925 123-45-67", "no such country code"),
        ("+09251234567", "no such country code"),
        ("8 (105) 005-12-34", "no area code has 105, and this is no call abroad"),
        ("447911123456", "abroad without +"),
        ("8-800-FLOWERS", "letters"),
        ("+7 925 123-45-6O", "a letter"),
        ("+7 925 123-45-67 ext. 5", "an extension"),
        ("+7 925 123-45-67 доб. 5", "an extension"),
        ("+7 925 123-45-67#5", "an extension"),
        ("+7 925 123-45-67;ext=5", "an extension"),
        ("tel:+79251234567", "a URI"),
        ("+79251234567,+79261234567", "a list"),
        ("+79251234567; +79261234567", "a list"),
        ("+79251234567 +79261234567", "a list"),
        ("89251234567 89261234567", "a list"),
        ("++79251234567", "two +"),
        ("7+9251234567", "a + inside"),
        ("٨٩٢٥١٢٣٤٥٦٧", "Arabic-Indic digits"),
        ("+7９２５1234567", "fullwidth digits"),
        ("＋79251234567", "a fullwidth +"),
        ("+79251234567\0", "NUL"),
        ("+79251234567\n", "a line break"),
        ("+7\t9251234567", "a tab"),
        ("+7 925 123–45–67", "a dash that is no hyphen"),
        ("+7 (925) 123 - 45 - 67                   ", "41 characters"),
        ("+4930123456789012", "over 15 digits"),
    ];

    fn region(code: &str) -> Region {
        code.parse().expect("a known region")
    }

    fn parsed(input: &str, code: &str) -> Option<u64> {
        PhoneNumber::parse_in(input, region(code)).ok().map(PhoneNumber::digits)
    }

    #[test]
    fn every_usual_spelling_is_read_as_the_number_it_means() {
        for &(input, digits) in GOOD {
            assert_eq!(parsed(input, "RU"), Some(digits), "{input:?}");
        }
    }

    #[test]
    fn what_is_not_one_whole_number_is_refused_by_name_and_never_repeated() {
        for &(input, why) in BAD {
            let error = PhoneNumber::parse(input).expect_err(why);
            assert_eq!((error.code(), error.fields()[0].field), ("phone_invalid", "to"), "{why}");
            let shown = format!("{error} {error:?}");
            assert!(input.len() < 5 || !shown.contains(input), "{why}: {shown}");
        }
    }

    #[test]
    fn forty_characters_are_read_and_forty_one_are_not() {
        let padded = |len: usize| format!("{:<len$}", "+79251234567");
        assert!(PhoneNumber::parse(&padded(40)).is_ok());
        assert!(PhoneNumber::parse(&padded(41)).is_err());
        let marked = format!("{}{}", padded(40), "\u{200b}".repeat(40));
        assert!(PhoneNumber::parse(&marked).is_ok(), "what is dropped does not count");
        assert!(PhoneNumber::parse(&"\u{200b}".repeat(1000)).is_err());
    }

    #[test]
    fn a_character_that_no_number_has_is_named_by_its_code_point_and_place() {
        for (input, named) in [
            ("+7 9\u{410}5 123-45-67", "character 5 is U+0410"),
            ("+79251234567\n", "character 13 is U+000A"),
            ("\u{200b}\u{200b}x", "character 3 is U+0078"),
            ("+7 925 123\u{2013}45-67", "character 11 is U+2013"),
        ] {
            let error = PhoneNumber::parse(input).expect_err(named);
            assert!(error.to_string().ends_with(named), "{error}");
        }
    }

    #[test]
    #[cfg(feature = "phone")]
    fn national_formats_are_those_of_the_region_asked_for() {
        let table = [
            ("07911 123456", "GB", Some(447_911_123_456)),
            ("+44 (0)7911 123456", "RU", Some(447_911_123_456)),
            ("0170 1234567", "DE", Some(491_701_234_567)),
            ("(415) 555-2671", "US", Some(14_155_552_671)),
            ("06 698 12345", "IT", Some(390_669_812_345)),
            ("8 (701) 123-45-67", "KZ", Some(77_011_234_567)),
            ("8 (930) 123-45-67", "RU", Some(79_301_234_567)),
            // Not in use.
            ("8 (930) 000-00-00", "RU", None),
            ("8 029 123-45-67", "BY", Some(375_291_234_567)),
            ("79251234567", "DE", None),
            ("79251234567", "US", None),
            ("8 029 123-45-67", "RU", None),
        ];
        for (input, code, digits) in table {
            assert_eq!(parsed(input, code), digits, "{input:?} in {code}");
        }
    }

    #[test]
    #[cfg(feature = "phone")]
    fn the_international_prefix_of_the_region_leads_abroad() {
        for (input, code, digits) in [
            ("011 44 7911 123456", "US", Some(447_911_123_456)),
            ("00 7 925 123-45-67", "DE", Some(79_251_234_567)),
            ("0049 170 1234567", "DE", Some(491_701_234_567)),
            ("8-10-375-29-123-45-67", "RU", Some(375_291_234_567)),
            ("810 44 (0)7911 123456", "RU", Some(447_911_123_456)),
            ("8 10 7 925 123-45-67", "BY", Some(79_251_234_567)),
            ("0011 7 925 123 45 67", "AU", Some(79_251_234_567)),
            // Not the region's.
            ("00 7 925 123-45-67", "US", None),
            ("011 44 7911 123456", "RU", None),
            ("(810) 44 7911 123456", "RU", None),
        ] {
            assert_eq!(parsed(input, code), digits, "{input:?} in {code}");
        }
    }

    #[test]
    #[cfg(not(feature = "phone"))]
    fn without_libphonenumber_the_international_prefix_of_russia_is_read() {
        assert_eq!(parsed("810 375 29 123-45-67", "RU"), Some(375_291_234_567));
        assert_eq!(parsed("00 7 925 123-45-67", "DE"), None);
    }

    #[test]
    #[cfg(not(feature = "phone"))]
    fn without_libphonenumber_other_regions_have_no_national_formats() {
        assert_eq!(parsed("07911 123456", "GB"), None);
        assert_eq!(parsed("+44 7911 123456", "GB"), Some(447_911_123_456));
    }

    #[test]
    #[cfg(feature = "phone")]
    fn only_regions_that_have_phone_numbers_are_known() {
        for code in ["XX", "ZZ", "UK", "AQ"] {
            assert!(code.parse::<Region>().is_err(), "{code}");
        }
    }

    #[test]
    fn a_region_is_two_letters_of_either_case() {
        assert_eq!(region("ru"), Region::RU);
        assert_eq!((region("kz").to_string().as_str(), region("KZ").as_str()), ("KZ", "KZ"));
        for code in ["", "R", "RUS", "001", "R1", "Я"] {
            let error = code.parse::<Region>().expect_err(code);
            assert_eq!(
                (error.code(), error.fields()[0].field),
                ("region_invalid", "region"),
                "{code}"
            );
        }
    }

    #[test]
    fn logs_never_show_the_middle_of_a_number() {
        let masked = |digits| {
            let number = PhoneNumber::from_digits(digits).expect("plausible");
            assert_eq!(number.masked().to_string(), format!("{number:?}"));
            number.masked().to_string()
        };
        assert_eq!(masked(79_991_234_567), "+7999***4567");
        assert_eq!(masked(442_079_460_000), "+4420***0000");
        assert_eq!(masked(4_512_345_678), "+45***78");
        assert_eq!(masked(6_834_000), "+68***00");
    }

    #[test]
    fn a_store_takes_back_only_what_can_be_a_number() {
        for digits in [0, 999_999, 1_000_000_000_000_000, u64::MAX] {
            assert_eq!(PhoneNumber::from_digits(digits), None);
        }
        for digits in [1_000_000, 79_251_234_567, 999_999_999_999_999] {
            assert_eq!(PhoneNumber::from_digits(digits).map(PhoneNumber::digits), Some(digits));
        }
    }

    #[test]
    fn json_holds_the_number_whole_and_takes_back_nothing_looser() {
        let number = PhoneNumber::parse("89251234567").expect("valid");
        let json = serde_json::to_string(&number).expect("serializable");
        assert_eq!(json, r#""+79251234567""#);
        assert_eq!(serde_json::from_str::<PhoneNumber>(&json).ok(), Some(number));
        for text in [
            "",
            "+",
            "79251234567",
            "+7 9251234567",
            "++79251234567",
            "+09251234567",
            "+7925123456x",
        ] {
            assert!(serde_json::from_value::<PhoneNumber>(text.into()).is_err(), "{text}");
        }
    }

    #[test]
    fn json_of_the_wrong_type_is_refused_without_repeating_the_number() {
        for json in ["79251234567", "-79251234567", "79251234567.0", "[79251234567]", "null"] {
            let error = serde_json::from_str::<PhoneNumber>(json).expect_err(json);
            assert!(
                !error.to_string().replace("+79251234567", "").contains("9251234567"),
                "{error}"
            );
        }
    }

    /// Strings that come close to being numbers.
    fn nearly() -> impl Strategy<Value = String> {
        prop_oneof![
            "[+]?[0-9]{1,18}",
            "[+]?[0-9 ().\u{a0}-]{0,40}",
            "(8|7|[+]7|810|[+]44|[+]1)[0-9]{6,12}"
        ]
    }

    proptest! {
        #[test]
        fn no_input_panics_or_yields_what_is_not_a_number(input: String, close in nearly(), code in "[A-Z]{2}") {
            let region = code.parse().unwrap_or(Region::RU);
            for input in [&input, &close] {
                if let Ok(number) = PhoneNumber::parse_in(input, region) {
                    prop_assert_eq!(PhoneNumber::from_digits(number.digits()), Some(number));
                }
            }
        }

        #[test]
        fn a_number_read_once_is_read_the_same_from_its_own_form(close in nearly()) {
            if let Ok(number) = PhoneNumber::parse(&close) {
                prop_assert_eq!(PhoneNumber::parse(&number.to_string()).ok(), Some(number));
            }
        }

        #[test]
        #[cfg(feature = "phone")]
        fn libphonenumber_knows_every_russian_mobile_number(national in "9([0-24-9][0-9]|3[1-9])[0-9]{7}") {
            let number = rlibphonenumber::PhoneNumber::parse(format!("+7{national}"), None).expect("a number");
            prop_assert!(number.is_valid());
            let known = number.format_as(rlibphonenumber::PhoneNumberFormat::E164);
            for spelling in [format!("+7{national}"), format!("8{national}"), national] {
                prop_assert_eq!(PhoneNumber::parse(&spelling).expect("valid").to_string(), known.as_ref());
            }
        }

        #[test]
        #[cfg(feature = "phone")]
        fn plus_and_the_international_prefix_mean_the_same(
            digits in "(7[3489]|44[1237]|49[1-9]|1[2-9]|375[1-9]|39[03]|33[1-9]|996[1-9])[0-9]{6,10}",
            (code, prefix) in prop_oneof![
                Just(("RU", "810")), Just(("KZ", "810")), Just(("BY", "810")), Just(("US", "011")), Just(("CA", "011")),
                Just(("DE", "00")), Just(("GB", "00")), Just(("IT", "00")), Just(("AU", "0011")), Just(("JP", "010")),
            ],
        ) {
            prop_assert_eq!(parsed(&format!("{prefix}{digits}"), code), parsed(&format!("+{digits}"), code));
        }

        #[test]
        fn in_russia_eight_seven_and_plus_seven_mean_the_same(national in "[2-9][0-9]{9}") {
            let with_plus = PhoneNumber::parse(&format!("+7{national}")).ok();
            prop_assert_eq!(PhoneNumber::parse(&format!("7{national}")).ok(), with_plus);
            prop_assert_eq!(PhoneNumber::parse(&format!("8{national}")).ok(), with_plus);
        }
    }
}
