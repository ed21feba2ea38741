//! A number as it was typed, without its punctuation.

use std::borrow::Cow;

use crate::message::invisible;

/// The longest number, in characters: E.164's 15 digits with plenty of room for punctuation. Format
/// characters do not count.
const MAX_LENGTH: usize = 40;
/// The longest input that is looked at, in bytes.
const MAX_INPUT: usize = 400;

/// A number without its punctuation.
pub(super) struct Typed {
    /// Digits, with or without a + in front; libphonenumber, which would also read letters,
    /// extensions and foreign digits, never sees anything else.
    pub(super) dialled: String,
    /// How much of that comes before the first parenthesis, which opens an area code.
    pub(super) area_at: Option<usize>,
}

/// Takes the punctuation out.
pub(super) fn clean(input: &str) -> Result<Typed, Cow<'static, str>> {
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
