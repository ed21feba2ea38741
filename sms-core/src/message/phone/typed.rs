//! A number as it was typed, without its punctuation.

use std::borrow::Cow;

use crate::message::invisible;

/// Maximum length of a number, in characters: 15 digits of E.164 and ample punctuation. Format
/// characters do not count.
const MAX_CHARS: usize = 40;
/// Maximum length of the input, in bytes. Longer input is not read.
const MAX_INPUT_BYTES: usize = 400;

/// A number without its punctuation.
pub(super) struct Typed {
    /// Digits, with or without a leading +. libphonenumber gets nothing else, because it would also
    /// read letters, extensions and foreign digits.
    pub(super) dialled: String,
    /// Number of characters of `dialled` before the first parenthesis, which opens an area code.
    pub(super) area_at: Option<usize>,
}

/// Removes the punctuation.
///
/// # Errors
///
/// The broken rule in words.
pub(super) fn clean(input: &str) -> Result<Typed, Cow<'static, str>> {
    const TOO_LONG: Result<Typed, Cow<'static, str>> =
        Err(Cow::Borrowed("must be at most 40 characters long"));
    if input.len() > MAX_INPUT_BYTES {
        return TOO_LONG;
    }
    let mut typed =
        Typed { dialled: String::with_capacity(input.len().min(MAX_CHARS)), area_at: None };
    let mut length = 0;
    for (index, c) in input.chars().enumerate() {
        match c {
            '0'..='9' => typed.dialled.push(c),
            '+' if typed.dialled.is_empty() => typed.dialled.push(c),
            '+' => return Err("must have at most one +, before the digits".into()),
            '(' => typed.area_at = typed.area_at.or(Some(typed.dialled.len())),
            ')' | '-' | '.' => {}
            _ if invisible::is_format(c) => continue,
            _ if is_blank(c) => {}
            _ => return Err(unexpected_character(index, c)),
        }
        length += 1;
    }
    match length {
        _ if length > MAX_CHARS => TOO_LONG,
        _ if typed.dialled.is_empty() => Err("must not be empty".into()),
        _ => Ok(typed),
    }
}

/// Returns true for a space of any width, but not for a line break.
fn is_blank(c: char) -> bool {
    c.is_whitespace() && !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}')
}

fn unexpected_character(index: usize, c: char) -> Cow<'static, str> {
    let rule = "must be one number of digits, spaces and + ( ) - . only";
    format!("{rule}; character {} is U+{:04X}", index + 1, u32::from(c)).into()
}
