//! Clean-up of the text that sms.ru gives with a refusal, for storage and display.

use crate::credentials::Credentials;

/// The maximum length of a text in characters.
const MAX_CHARS: usize = 200;
/// The number of digits, with punctuation between them allowed, that can be a phone number.
const MIN_PHONE_DIGITS: usize = 7;
/// The number of consecutive characters shared with a message that counts as a quotation.
const MIN_QUOTATION_CHARS: usize = 8;
/// The number of digits that can be a one-time code.
const MIN_CODE_DIGITS: usize = 3;

/// Puts a status text on one line and cuts it. `None` if it is empty, or if it repeats a phone
/// number, one of the sensitive `texts`, or a credential. The known texts of sms.ru repeat none of
/// these, but it does not promise that.
pub(crate) fn sanitize(
    status_text: &str,
    texts: &[&str],
    credentials: &Credentials,
) -> Option<String> {
    let words: Vec<&str> = status_text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let line: String = words.join(" ").chars().take(MAX_CHARS).collect();
    let lower = line.to_lowercase();
    let repeats_credential =
        credentials.fields().iter().any(|(_, value)| lower.contains(&value.to_lowercase()));
    let quotes_a_text = || texts.iter().any(|text| quotes(&line, text));
    let is_safe =
        !line.is_empty() && !repeats_credential && !contains_number(&line) && !quotes_a_text();
    is_safe.then_some(line)
}

fn contains_number(line: &str) -> bool {
    let mut digits = 0;
    for c in line.chars() {
        match c {
            _ if c.is_numeric() => digits += 1,
            ' ' | '-' | '(' | ')' | '.' | '+' => {}
            _ => digits = 0,
        }
        if digits >= MIN_PHONE_DIGITS {
            return true;
        }
    }
    false
}

/// Checks if the line repeats the text, a part of it, or a number in it. A one-time code is short,
/// so a few digits count.
fn quotes(line: &str, text: &str) -> bool {
    if text.trim().is_empty() {
        return false;
    }
    let starts: Vec<usize> = line.char_indices().map(|(at, _)| at).chain([line.len()]).collect();
    let quotes_part = starts
        .windows(MIN_QUOTATION_CHARS + 1)
        .any(|at| text.contains(&line[at[0]..at[MIN_QUOTATION_CHARS]]));
    let mut numbers =
        text.split(|c: char| !c.is_ascii_digit()).filter(|number| number.len() >= MIN_CODE_DIGITS);
    quotes_part || line.contains(text.trim()) || numbers.any(|number| line.contains(number))
}
