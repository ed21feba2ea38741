//! National number formats of every region, from the metadata of libphonenumber.

use super::typed::Typed;

pub(super) fn country_code(region: &str) -> Option<i32> {
    let region = rlibphonenumber::Region::from_code(region).ok()?;
    rlibphonenumber::PHONE_NUMBER_UTIL.get_country_code_for_region(region)
}

pub(super) fn is_known(region: &str) -> bool {
    country_code(region).is_some()
}

/// What stands before a number of the region itself, when it is called from there.
pub(super) fn national_prefix(region: &str) -> Option<String> {
    use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};

    // libphonenumber keeps it to itself, and shows it in the way it writes numbers.
    let region = Region::from_code(region).ok()?;
    let example = PHONE_NUMBER_UTIL.get_example_number(region).ok()?;
    let written = example.format_as(PhoneNumberFormat::National);
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    digits.strip_suffix(&example.get_national_significant_number()).map(str::to_owned)
}

/// The E.164 digits of what was typed, if they are a valid number.
pub(super) fn read(Typed { dialled, area_at }: &Typed, region: &str) -> Option<u64> {
    use rlibphonenumber::{PhoneNumber, PhoneNumberFormat};

    if let Some(mobile) = russian_mobile(dialled, region) {
        return Some(mobile);
    }
    let known = rlibphonenumber::Region::from_code(region).ok();
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
fn russian_mobile(dialled: &str, region: &str) -> Option<u64> {
    let national = match dialled.strip_prefix("+7") {
        Some(national) => national,
        None if region == "RU" => dialled
            .strip_prefix(['7', '8'])
            .filter(|national| national.len() == 10)
            .unwrap_or(dialled),
        None => return None,
    };
    let is_mobile =
        national.len() == 10 && national.starts_with('9') && !national.starts_with("930");
    national.parse().ok().filter(|_| is_mobile).map(|national: u64| 70_000_000_000 + national)
}
