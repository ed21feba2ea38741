//! JSON in the format of the live server: indented by four spaces, `/` escaped, Cyrillic not
//! escaped.

use std::borrow::Cow;
use std::fmt::Write as _;

use sms_core::Money;

/// A JSON value.
#[derive(Clone, Debug)]
pub(crate) enum Json {
    Null,
    Number(i64),
    Money(Money),
    Text(Cow<'static, str>),
    List(Vec<Json>),
    Map(Vec<(Cow<'static, str>, Json)>),
}

impl Json {
    pub(crate) fn text(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Text(text.into())
    }

    /// Writes the document, without a line break at the end.
    pub(crate) fn document(&self) -> String {
        let mut out = String::with_capacity(256);
        self.write(&mut out, 1);
        out
    }

    fn write(&self, out: &mut String, depth: usize) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Number(number) => out.push_str(&number.to_string()),
            Self::Money(money) => out.push_str(&amount(*money)),
            Self::Text(text) => quote(out, text),
            Self::List(items) => nest(out, depth, ('[', ']'), items, Self::write),
            Self::Map(entries) => {
                nest(out, depth, ('{', '}'), entries, |(key, value), out, depth| {
                    quote(out, key);
                    out.push_str(": ");
                    value.write(out, depth);
                });
            }
        }
    }
}

fn nest<T>(
    out: &mut String,
    depth: usize,
    (open, close): (char, char),
    items: &[T],
    write: impl Fn(&T, &mut String, usize),
) {
    out.push(open);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        line(out, depth);
        write(item, out, depth + 1);
    }
    if !items.is_empty() {
        line(out, depth - 1);
    }
    out.push(close);
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    for _ in 0..depth {
        out.push_str("    ");
    }
}

/// Formats an amount as PHP formats a float: `4122.56`, `0.5`, `1000.0`.
fn amount(money: Money) -> String {
    let text = money.to_string();
    match text.strip_suffix('0') {
        // Money has at least two decimals, so one remains.
        Some(shorter) if text.contains('.') => shorter.to_owned(),
        _ => text,
    }
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '/' => out.push_str("\\/"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            // PHP escapes these two line separators even with JSON_UNESCAPED_UNICODE.
            '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
}
