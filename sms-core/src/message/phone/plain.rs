//! National number formats without libphonenumber: E.164 and the Russian forms.

use super::typed::Typed;

pub(super) fn is_known(_: &str) -> bool {
    true
}

pub(super) fn national_prefix(region: &str) -> Option<String> {
    (region == "RU").then(|| "8".to_owned())
}

pub(super) fn country_code(region: &str) -> Option<i32> {
    (region == "RU").then_some(7)
}

/// The E.164 digits of the typed number, if they have the format of a number.
pub(super) fn read(Typed { dialled, area_at }: &Typed, region: &str) -> Option<u64> {
    let international = match (dialled.strip_prefix('+'), dialled.as_bytes()) {
        (Some(digits), _) => digits.to_owned(),
        _ if region != "RU" => return None,
        // Too long for a national number.
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
        // No country code starts with 89; +8 925 123-45-67 is a typing error.
        [b'8', b'9', ..] => None,
        [b'1'..=b'9', ..] => international.parse().ok(),
        _ => None,
    }
}
