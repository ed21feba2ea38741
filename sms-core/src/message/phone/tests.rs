//! Spellings of numbers that are read, and those that are refused.

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
    // Characters that pasted text may contain: marks of direction, a soft hyphen, a byte order
    // mark, a joiner.
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

/// Spellings that no build reads, and the reason.
const REFUSED: &[(&str, &str)] = &[
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
    for &(input, why) in REFUSED {
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
        assert_eq!((error.code(), error.fields()[0].field), ("region_invalid", "region"), "{code}");
    }
}

#[test]
fn logs_never_show_the_middle_of_a_number() {
    let masked = |digits| {
        let number = PhoneNumber::from_digits(digits).expect("plausible");
        assert_eq!(number.masked(), format!("{number:?}"));
        number.masked()
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
    for text in
        ["", "+", "79251234567", "+7 9251234567", "++79251234567", "+09251234567", "+7925123456x"]
    {
        assert!(serde_json::from_value::<PhoneNumber>(text.into()).is_err(), "{text}");
    }
}

#[test]
fn json_of_the_wrong_type_is_refused_without_repeating_the_number() {
    for json in ["79251234567", "-79251234567", "79251234567.0", "[79251234567]", "null"] {
        let error = serde_json::from_str::<PhoneNumber>(json).expect_err(json);
        assert!(!error.to_string().replace("+79251234567", "").contains("9251234567"), "{error}");
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
    fn no_input_panics_or_yields_what_is_not_a_number(
        input: String,
        close in nearly(),
        code in "[A-Z]{2}",
    ) {
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
    fn libphonenumber_knows_every_russian_mobile_number(
        national in "9([0-24-9][0-9]|3[1-9])[0-9]{7}",
    ) {
        let number = rlibphonenumber::PhoneNumber::parse(format!("+7{national}"), None);
        let number = number.expect("a number");
        prop_assert!(number.is_valid());
        let known = number.format_as(rlibphonenumber::PhoneNumberFormat::E164);
        for spelling in [format!("+7{national}"), format!("8{national}"), national] {
            let read = PhoneNumber::parse(&spelling).expect("valid");
            prop_assert_eq!(read.to_string(), known.as_ref());
        }
    }

    #[test]
    #[cfg(feature = "phone")]
    fn plus_and_the_international_prefix_mean_the_same(
        digits in "(7[3489]|44[1237]|49[1-9]|1[2-9]|375[1-9]|39[03]|33[1-9]|996[1-9])[0-9]{6,10}",
        (code, prefix) in prop_oneof![
            Just(("RU", "810")), Just(("KZ", "810")), Just(("BY", "810")),
            Just(("US", "011")), Just(("CA", "011")), Just(("DE", "00")), Just(("GB", "00")),
            Just(("IT", "00")), Just(("AU", "0011")), Just(("JP", "010")),
        ],
    ) {
        let by_prefix = parsed(&format!("{prefix}{digits}"), code);
        prop_assert_eq!(by_prefix, parsed(&format!("+{digits}"), code));
    }

    #[test]
    fn in_russia_eight_seven_and_plus_seven_mean_the_same(national in "[2-9][0-9]{9}") {
        let with_plus = PhoneNumber::parse(&format!("+7{national}")).ok();
        prop_assert_eq!(PhoneNumber::parse(&format!("7{national}")).ok(), with_plus);
        prop_assert_eq!(PhoneNumber::parse(&format!("8{national}")).ok(), with_plus);
    }
}
