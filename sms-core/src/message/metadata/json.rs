//! A JSON reader that keeps values as they are written.

use std::borrow::Cow;

use super::error::MetadataError;

/// A JSON value. Strings are kept as JSON: in quotes, and with the shortest escapes.
pub(super) enum Node<'a> {
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
    List(Vec<Node<'a>>),
    Scalar(Cow<'a, str>),
}

impl Node<'_> {
    /// The JSON text, with the keys of objects sorted if `sorted`.
    pub(super) fn written(&self, sorted: bool) -> String {
        let mut json = String::new();
        self.write(sorted, &mut json);
        json
    }

    fn write(&self, sorted: bool, json: &mut String) {
        match self {
            Self::Scalar(token) => json.push_str(token),
            Self::List(items) => {
                json.push('[');
                for (index, item) in items.iter().enumerate() {
                    json.push_str(if index > 0 { "," } else { "" });
                    item.write(sorted, json);
                }
                json.push(']');
            }
            Self::Object(entries) => {
                let mut entries: Vec<_> = entries.iter().collect();
                if sorted {
                    entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
                }
                json.push('{');
                for (index, (key, value)) in entries.into_iter().enumerate() {
                    json.push_str(if index > 0 { "," } else { "" });
                    json.push_str(key);
                    json.push(':');
                    value.write(sorted, json);
                }
                json.push('}');
            }
        }
    }
}

/// Reader of a text that is known to be valid JSON and not nested too deep. `serde_json` itself
/// would convert numbers to machine types and lose digits.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn value(&mut self) -> Result<Node<'a>, MetadataError> {
        match self.next() {
            Some(b'{') => self.object(),
            Some(b'[') => self.list(),
            Some(b'"') => self.string().map(Node::Scalar),
            _ => Ok(Node::Scalar(Cow::Borrowed(self.token()))),
        }
    }

    fn object(&mut self) -> Result<Node<'a>, MetadataError> {
        let mut entries = Vec::new();
        self.at += 1;
        while self.next() == Some(b'"') {
            let key = self.string()?;
            self.skip(b':');
            let value = self.value().map_err(|error| error.inside(&unquoted(&key)))?;
            entries.push((key, value));
            self.skip(b',');
        }
        self.skip(b'}');
        match duplicate_key(&entries) {
            Some(key) => Err(MetadataError::new("must not be repeated").inside(&unquoted(key))),
            None => Ok(Node::Object(entries)),
        }
    }

    fn list(&mut self) -> Result<Node<'a>, MetadataError> {
        let mut items = Vec::new();
        self.at += 1;
        while self.next().is_some_and(|byte| byte != b']') {
            let item = self.value();
            items.push(item.map_err(|error| error.inside(&items.len().to_string()))?);
            self.skip(b',');
        }
        self.skip(b']');
        Ok(Node::List(items))
    }

    /// Reads a string, with its quotes. A string without escapes is already in its only form;
    /// others are written again with the shortest escapes.
    fn string(&mut self) -> Result<Cow<'a, str>, MetadataError> {
        let (start, mut has_escapes) = (self.at, false);
        self.at += 1;
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b'\\') => {
                    has_escapes = true;
                    self.at += 2;
                }
                Some(b'"') | None => break,
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        let quoted = self.text.get(start..self.at).unwrap_or_default();
        if !has_escapes {
            return Ok(Cow::Borrowed(quoted));
        }
        let respelled =
            serde_json::from_str::<String>(quoted).and_then(|text| serde_json::to_string(&text));
        respelled
            .map(Cow::Owned)
            .map_err(|_| MetadataError::new("contains half of a surrogate pair"))
    }

    /// Reads a number, a boolean or null.
    fn token(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.find([',', ']', '}', ' ', '\t', '\n', '\r']).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// Skips white space and returns the next byte without consuming it.
    fn next(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let blanks = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))?;
        self.at += blanks;
        rest.get(blanks).copied()
    }

    fn skip(&mut self, byte: u8) {
        if self.next() == Some(byte) {
            self.at += 1;
        }
    }
}

/// Depth of the nesting of objects and lists in a JSON text.
pub(super) fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut is_escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// A duplicate key, if there is one.
fn duplicate_key<'k>(entries: &'k [(Cow<'_, str>, Node<'_>)]) -> Option<&'k str> {
    let mut keys: Vec<&str> = entries.iter().map(|(key, _)| key.as_ref()).collect();
    keys.sort_unstable();
    keys.windows(2).find_map(|pair| (pair[0] == pair[1]).then_some(pair[0]))
}

fn unquoted(key: &str) -> String {
    serde_json::from_str(key).unwrap_or_default()
}
