//! Parameters of a request, from query and body, by the rules of PHP.

use crate::simulator::multipart;

/// Names and values, decoded. The last value of a repeated name counts.
#[derive(Debug, Default)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    /// A name or a value is not valid UTF-8.
    pub(crate) invalid_utf8: bool,
}

impl Params {
    /// Parses the query, then the body: a form or `multipart/form-data`.
    pub(crate) fn read(query: Option<&str>, content_type: &str, body: &[u8]) -> Self {
        let mut params = Self::default();
        params.form(query.unwrap_or_default().as_bytes());
        if let Some(boundary) = multipart::boundary(content_type) {
            for (name, value) in multipart::fields(body, boundary) {
                params.push(name.into_bytes(), value.to_vec());
            }
        } else {
            params.form(body);
        }
        params
    }

    fn form(&mut self, form: &[u8]) {
        for pair in form.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
            let middle = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
            let (name, value) = pair.split_at(middle);
            self.push(decode(name), decode(value.get(1..).unwrap_or_default()));
        }
    }

    fn push(&mut self, name: Vec<u8>, value: Vec<u8>) {
        let mut text = |bytes: Vec<u8>| {
            String::from_utf8(bytes).unwrap_or_else(|error| {
                self.invalid_utf8 = true;
                String::from_utf8_lossy(error.as_bytes()).into_owned()
            })
        };
        let pair = (text(name), text(value));
        self.pairs.push(pair);
    }

    /// Returns the value of a name; `None` if it is absent or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.pairs.iter().rev().find(|(given, _)| given == name)?;
        (!value.is_empty()).then_some(value)
    }

    /// Returns the value of the first of these names that has one.
    pub(crate) fn first_of(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.get(name))
    }

    /// Checks if a value is true in PHP.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value != "0")
    }

    /// Returns the entries `name[key]=value`, in order.
    pub(crate) fn entries<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.pairs.iter().filter_map(move |(given, value)| {
            let key = given.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?;
            Some((key, value.as_str()))
        })
    }
}

/// Decodes percent-encoded text of a form. A `%` without two hex digits is kept.
fn decode(text: &[u8]) -> Vec<u8> {
    let hex = |at: usize| {
        char::from(*text.get(at)?).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
    };
    let mut decoded = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match (byte, hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(high * 16 + low);
                at += 2;
            }
            (b'+', ..) => decoded.push(b' '),
            _ => decoded.push(byte),
        }
        at += 1;
    }
    decoded
}
