//! National number formats of every region, from the metadata of libphonenumber.

use super::typed::Typed;

pub(super) fn country_code(region: &str) -> Option<i32> {
    let region = rlibphonenumber::Region::from_code(region).ok()?;
    rlibphonenumber::PHONE_NUMBER_UTIL.get_country_code_for_region(region)
}

pub(super) fn is_known(region: &str) -> bool {
    country_code(region).is_some()
}

/// The prefix of national calls in the region, such as `8` in Russia.
pub(super) fn national_prefix(region: &str) -> Option<String> {
    use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};

    // libphonenumber does not expose the prefix, so take it from a formatted example.
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
    // A number abroad without a + began with the international prefix, 8~10 in Russia. A
    // parenthesis inside the prefix opens an area code: 8 (105) 005-12-34 is a typing error in a
    // national number, not a number of the Falkland Islands.
    let is_abroad = !dialled.starts_with('+') && country_code(region) != Some(number.country_code);
    let prefix = dialled.len().saturating_sub(digits.len());
    if is_abroad && area_at.is_some_and(|at| at < prefix) {
        return None;
    }
    digits.parse().ok()
}

/// The E.164 digits of a Russian mobile number: 9 and nine more digits. All of them are in use,
/// except for a part of 930, which is left to libphonenumber. Most numbers are such. libphonenumber
/// gives the same result, but needs a tenth of the total time of accepting a message.
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
