//! sms.ru's words about a refusal, made fit to be stored and shown.

use crate::config::Credentials;

/// The longest text of an outcome, in characters.
const LONGEST: usize = 200;
/// Digits in a row, punctuation between them allowed, that may be a phone number.
const PHONE: usize = 7;
/// So many characters in common with the message are a quotation of it.
const QUOTATION: usize = 8;

/// The words about these texts of ours on one line, cut; `None` when there are none, or when they
/// repeat a phone number, one of the texts or a credential. sms.ru's known texts repeat none of
/// these; it does not promise that.
pub(crate) fn fit(words: &str, texts: &[&str], credentials: &Credentials) -> Option<String> {
    let line: Vec<&str> = words
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|w| !w.is_empty())
        .collect();
    let line: String = line.join(" ").chars().take(LONGEST).collect();
    let lower = line.to_lowercase();
    let secret =
        credentials.fields().iter().any(|(_, value)| lower.contains(&value.to_lowercase()));
    let quotes = || texts.iter().any(|text| quotes(&line, text));
    let fit = !line.is_empty() && !secret && !holds_number(&line) && !quotes();
    fit.then_some(line)
}

fn holds_number(line: &str) -> bool {
    let mut digits = 0;
    for c in line.chars() {
        match c {
            _ if c.is_numeric() => digits += 1,
            ' ' | '-' | '(' | ')' | '.' | '+' => {}
            _ => digits = 0,
        }
        if digits >= PHONE {
            return true;
        }
    }
    false
}

/// Whether the line repeats the text, a piece of it, or a number in it: a one-time code is short.
fn quotes(line: &str, text: &str) -> bool {
    let starts: Vec<usize> = line.char_indices().map(|(at, _)| at).chain([line.len()]).collect();
    if text.trim().is_empty() {
        return false;
    }
    let piece = starts.windows(QUOTATION + 1).any(|at| text.contains(&line[at[0]..at[QUOTATION]]));
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|number| number.len() >= 3);
    piece || line.contains(text.trim()) || numbers.any(|number| line.contains(number))
}
