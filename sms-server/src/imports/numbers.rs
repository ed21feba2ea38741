//! Phone numbers in cells, with what spreadsheets make of them.

use std::borrow::Cow;

use sms_core::{NumberReader, PhoneNumber};

/// Digits of the shortest cell that is meant as a number: fewer than any number has.
const MIN_DIGITS: usize = 7;
/// Digits of the shortest number that a spreadsheet adds decimals to. A shorter one may have a dot
/// between its groups.
const MIN_DIGITS_WITH_DECIMALS: usize = 10;

/// The error of a cell: a stable name, and words.
type CellError = (&'static str, Cow<'static, str>);

/// Reads a number.
pub(super) fn read(cell: &str, numbers: NumberReader) -> Result<PhoneNumber, CellError> {
    let cell = plain(cell);
    if cell.is_empty() {
        return Err(("phone_empty", "is empty".into()));
    }
    if is_rounded(cell) {
        let detail = "was rounded by the spreadsheet, its last digits are lost: format the column \
                      as text and enter the numbers again";
        return Err(("phone_rounded", detail.into()));
    }
    numbers.read(without_decimals(cell)).map_err(|error| {
        let rule = error.fields().first().map(|field| field.message.clone());
        ("phone_invalid", rule.unwrap_or_else(|| "must be a phone number".into()))
    })
}

/// Reads a number of a file that this server has written: the digits of the international form,
/// without the plus sign. Rows that were added to such a file may have any other form.
pub(super) fn read_exported(cell: &str, numbers: NumberReader) -> Result<PhoneNumber, CellError> {
    let digits = Some(plain(cell)).filter(|cell| cell.bytes().all(|c| c.is_ascii_digit()));
    let exported = digits.and_then(|digits| numbers.read(&format!("+{digits}")).ok());
    exported.map_or_else(|| read(cell, numbers), Ok)
}

/// True for a cell that is meant as a number, right or wrong.
pub(super) fn is_meant_as_number(cell: &str) -> bool {
    let cell = plain(cell);
    let is_mark = |c: char| c.is_whitespace() || "+-().,/".contains(c);
    let digits = cell.chars().filter(char::is_ascii_digit).count();
    is_rounded(cell)
        || digits >= MIN_DIGITS && cell.chars().all(|c| c.is_ascii_digit() || is_mark(c))
}

/// A cell without the apostrophe that has a spreadsheet keep it as text.
fn plain(cell: &str) -> &str {
    let cell = cell.trim();
    cell.strip_prefix('\'').map_or(cell, str::trim)
}

/// True for a number as a spreadsheet shows it in a narrow column: `7,92512E+10`.
fn is_rounded(cell: &str) -> bool {
    let Some((mantissa, exponent)) = cell.split_once(['E', 'e', 'Е', 'е']) else { return false };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let mantissa = mantissa.strip_prefix('+').unwrap_or(mantissa);
    let (whole, decimals) = mantissa.split_once([',', '.']).unwrap_or((mantissa, "0"));
    is_digits(whole)
        && is_digits(decimals)
        && is_digits(exponent.strip_prefix('+').unwrap_or(exponent))
}

/// A number without the decimals that programs write: `79251234567.0`. Read as they are, they would
/// be further digits of the number.
fn without_decimals(cell: &str) -> &str {
    let Some((whole, decimals)) = cell.rsplit_once(['.', ',']) else { return cell };
    let digits = whole.strip_prefix('+').unwrap_or(whole);
    let is_number = digits.len() >= MIN_DIGITS_WITH_DECIMALS
        && digits.bytes().all(|c| c.is_ascii_digit())
        && !decimals.is_empty()
        && decimals.bytes().all(|c| c == b'0');
    if is_number { whole } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_people_and_spreadsheets_write_it() {
        for cell in [
            "+79251234567",
            "8 (925) 123-45-67",
            " 9251234567 ",
            "'+79251234567",
            "79251234567.0",
            "79251234567,00",
            "8\u{a0}925\u{a0}123\u{a0}45\u{a0}67",
        ] {
            let number = read(cell, NumberReader::default()).expect(cell);
            assert_eq!(number.digits(), 79_251_234_567, "{cell}");
            assert!(is_meant_as_number(cell), "{cell}");
        }
    }

    #[test]
    fn an_exported_number_is_international() {
        for (cell, national, exported) in [
            ("84912345678", 74_912_345_678, 84_912_345_678),
            ("79251234567", 79_251_234_567, 79_251_234_567),
            ("89251234567", 79_251_234_567, 79_251_234_567),
            ("+84912345678", 84_912_345_678, 84_912_345_678),
        ] {
            let number = read(cell, NumberReader::default()).expect(cell);
            assert_eq!(number.digits(), national, "{cell}");
            let number = read_exported(cell, NumberReader::default()).expect(cell);
            assert_eq!(number.digits(), exported, "{cell}");
        }
        assert!(read_exported("7,92512E+10", NumberReader::default()).is_err());
    }

    #[test]
    fn what_is_wrong_with_a_number_is_named() {
        for (cell, code) in [
            ("", "phone_empty"),
            ("  ", "phone_empty"),
            ("'", "phone_empty"),
            ("7,92512E+10", "phone_rounded"),
            ("7.92512e+10", "phone_rounded"),
            ("7,92512Е+10", "phone_rounded"),
            ("8E10", "phone_rounded"),
            ("12345", "phone_invalid"),
            ("79251234567.5", "phone_invalid"),
            ("+79251234567, +79251234568", "phone_invalid"),
            ("Анна", "phone_invalid"),
            ("E", "phone_invalid"),
        ] {
            assert_eq!(read(cell, NumberReader::default()).unwrap_err().0, code, "{cell}");
        }
    }

    #[test]
    fn a_name_is_not_meant_as_a_number() {
        for cell in ["phone", "Телефон", "", "1", "order 79251234567", "E", "Ее", "12.50"]
        {
            assert!(!is_meant_as_number(cell), "{cell}");
        }
        assert!(is_meant_as_number("7,92512E+10") && is_meant_as_number("892512345"));
    }
}
