//! Encodings of files: found from the bytes alone, since spreadsheets do not tell.

use encoding_rs::{IBM866, UTF_16BE, UTF_16LE, WINDOWS_1251};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::file_error::FileError;

const UNREADABLE: &str = "file_unreadable";
/// The first bytes of workbooks: those of a ZIP archive, and of an older Excel.
const WORKBOOKS: [&[u8]; 2] = [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"];
/// Letters of a text in UTF-8 for each wrong byte in it. Russian text in another encoding has far
/// more bytes that are wrong in UTF-8 than letters that are right by chance.
const LETTERS_PER_WRONG_BYTE: usize = 10;

/// The encoding of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = FileEncoding)]
pub(crate) enum Encoding {
    /// UTF-8, with a byte order mark or without.
    #[serde(rename = "utf-8")]
    Utf8,
    /// UTF-16 with a byte order mark: "Unicode text" of Excel.
    #[serde(rename = "utf-16")]
    Utf16,
    /// The encoding of Russian Windows: "CSV" of Excel.
    #[serde(rename = "windows-1251")]
    Windows1251,
    /// The encoding of Russian MS-DOS: "CSV (MS-DOS)" of Excel.
    #[serde(rename = "ibm866")]
    Ibm866,
}

/// Decodes a file. A file in UTF-8 is not copied.
pub(crate) fn decode(bytes: Vec<u8>) -> Result<(String, Encoding), FileError> {
    if WORKBOOKS.iter().any(|first| bytes.starts_with(first)) {
        let detail = "is a workbook and no CSV file: save it as \"CSV UTF-8\" in the spreadsheet";
        return Err(FileError::of_file(UNREADABLE, detail));
    }
    let utf_16 = match bytes.get(..2) {
        Some(b"\xff\xfe") => Some(UTF_16LE),
        Some(b"\xfe\xff") => Some(UTF_16BE),
        _ => None,
    };
    if let Some(utf_16) = utf_16 {
        let (text, is_wrong) = utf_16.decode_without_bom_handling(bytes.get(2..).unwrap_or(&[]));
        if is_wrong {
            return Err(FileError::of_file(UNREADABLE, "is not valid UTF-16"));
        }
        return checked(text.into_owned(), Encoding::Utf16);
    }
    match String::from_utf8(bytes) {
        Ok(mut text) => {
            if text.starts_with('\u{feff}') {
                text.remove(0);
            }
            checked(text, Encoding::Utf8)
        }
        Err(error) => decode_one_byte(error.as_bytes()),
    }
}

/// Decodes a file that is not UTF-8.
fn decode_one_byte(bytes: &[u8]) -> Result<(String, Encoding), FileError> {
    let (mut letters, mut wrong, mut lines) = (0, 0, 1);
    let mut first_wrong = None;
    for chunk in bytes.utf8_chunks() {
        letters += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        lines += chunk.valid().matches('\n').count();
        if !chunk.invalid().is_empty() {
            wrong += 1;
            first_wrong = first_wrong.or(Some(lines));
        }
    }
    if letters > wrong * LETTERS_PER_WRONG_BYTE {
        let line = first_wrong.unwrap_or(1);
        let detail = format!("is UTF-8 with bytes that are wrong, first in line {line}");
        return Err(FileError::of_file(UNREADABLE, detail));
    }
    // Capital letters of 866 are marks in 1251, and small letters of 1251 are frames in 866.
    let of_866 = bytes.iter().filter(|byte| matches!(byte, 0x80..=0xaf)).count();
    let of_1251 = bytes.iter().filter(|byte| matches!(byte, 0xc0..=0xdf | 0xf0..=0xff)).count();
    let (encoding, decoder) = if of_866 > of_1251 {
        (Encoding::Ibm866, IBM866)
    } else {
        (Encoding::Windows1251, WINDOWS_1251)
    };
    checked(decoder.decode_without_bom_handling(bytes).0.into_owned(), encoding)
}

fn checked(text: String, encoding: Encoding) -> Result<(String, Encoding), FileError> {
    if text.contains('\0') {
        return Err(FileError::of_file(UNREADABLE, "is no text: it has zero bytes"));
    }
    Ok((text, encoding))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Телефон;Имя\r\n89251234567;Анна Ёлкина\r\n";

    fn utf_16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(order).collect()
    }

    #[test]
    fn an_encoding_is_found_from_the_bytes() {
        let in_1251 = WINDOWS_1251.encode(TEXT).0.into_owned();
        // encoding_rs reads 866 and does not write it.
        let in_866: Vec<u8> = TEXT
            .chars()
            .map(|c| match u32::from(c) {
                0x410..=0x43f => u8::try_from(u32::from(c) - 0x410 + 0x80).unwrap(),
                0x440..=0x44f => u8::try_from(u32::from(c) - 0x440 + 0xe0).unwrap(),
                0x401 => 0xf0,
                code => u8::try_from(code).unwrap(),
            })
            .collect();
        for (bytes, encoding) in [
            (TEXT.as_bytes().to_vec(), Encoding::Utf8),
            (format!("\u{feff}{TEXT}").into_bytes(), Encoding::Utf8),
            (in_1251, Encoding::Windows1251),
            (in_866, Encoding::Ibm866),
            (utf_16(TEXT, u16::to_le_bytes), Encoding::Utf16),
            (utf_16(TEXT, u16::to_be_bytes), Encoding::Utf16),
        ] {
            assert_eq!(decode(bytes), Ok((TEXT.to_owned(), encoding)));
        }
        assert_eq!(decode(Vec::new()), Ok((String::new(), Encoding::Utf8)));
    }

    #[test]
    fn what_is_no_text_is_named() {
        let broken = [TEXT.as_bytes(), b"7925\xff".as_slice()].concat();
        for (bytes, words) in [
            (b"PK\x03\x04rest".to_vec(), "workbook"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1".to_vec(), "workbook"),
            (b"a;b\0c".to_vec(), "zero bytes"),
            (b"\xc0\0\xc1".to_vec(), "zero bytes"),
            (b"\xff\xfe\x00\xd8".to_vec(), "UTF-16"),
            (broken, "wrong, first in line 3"),
        ] {
            let error = decode(bytes).unwrap_err();
            assert_eq!((error.option, error.code), (None, UNREADABLE));
            assert!(error.detail.contains(words), "{error:?}");
        }
    }
}
