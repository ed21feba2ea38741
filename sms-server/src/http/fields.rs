//! Reader of JSON bodies that names every wrong field at once.
//!
//! A derived `Deserialize` stops at the first error and accepts duplicate fields. Here a value
//! stays text until its field is read, so that a field which is never read costs no memory, however
//! large it is.

use std::fmt;
use std::ops::RangeInclusive;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use sms_core::Metadata;
use sms_core::message::MetadataError;
use sms_core::message::text::is_blank;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::problem::{FieldProblem, Problem};
use super::values::{List, Text};

/// The longest reason for a manual action, in characters.
pub(crate) const MAX_REASON: usize = 500;
/// Fields of one object at most. The largest body has a quarter of them.
const MAX_FIELDS: usize = 64;
/// The largest object in a field, in bytes as it is sent. It takes some thirty times as much in
/// memory.
const MAX_OBJECT_BYTES: usize = 64 * 1024;

/// The fields of a JSON object. A reader takes them out one by one; errors are collected on the way
/// and returned by [`finish`](Self::finish).
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    values: Vec<(Text<'a>, &'a RawValue)>,
    wrong: Vec<FieldProblem>,
}

impl<'a> Fields<'a> {
    /// Reads the body of a request.
    pub(crate) fn read(headers: &HeaderMap, body: &'a [u8]) -> Result<Self, Problem> {
        Self::check_headers(headers)?;
        Self::of_body(body).map_err(not_json)
    }

    /// The same for a body that may be empty: then no field is given.
    pub(crate) fn read_optional(headers: &HeaderMap, body: &'a [u8]) -> Result<Self, Problem> {
        if body.is_empty() {
            return Ok(Self { values: Vec::new(), wrong: Vec::new() });
        }
        Self::read(headers, body)
    }

    /// Refuses a body that is not declared as JSON, or is compressed.
    pub(crate) fn check_headers(headers: &HeaderMap) -> Result<(), Problem> {
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = content_type.and_then(|value| value.split(';').next()).map(str::trim);
        if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
            let detail = "the body must be JSON, sent with Content-Type: application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type", detail));
        }
        Self::check_encoding(headers)
    }

    /// Refuses a body that is compressed.
    pub(crate) fn check_encoding(headers: &HeaderMap) -> Result<(), Problem> {
        let encodings = headers.get_all(header::CONTENT_ENCODING).iter();
        if encodings.into_iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
            let detail = "the body must not be compressed: send it without Content-Encoding";
            let problem =
                Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_encoding", detail);
            return Err(
                problem.with_header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"))
            );
        }
        Ok(())
    }

    /// Reads a body that is a JSON object.
    pub(crate) fn of_body(body: &'a [u8]) -> serde_json::Result<Self> {
        // The byte order mark that programs of Windows write first. JSON has none.
        serde_json::from_slice(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body))
    }

    /// Reads an item of a list.
    pub(crate) fn of_item(item: &'a RawValue) -> Result<Self, Problem> {
        serde_json::from_str(item.get()).map_err(|_| {
            let wrong = FieldProblem::whole("field_type", "must be an object");
            Problem::fields(StatusCode::BAD_REQUEST, vec![wrong])
        })
    }

    /// Ends the reading. Fields that are left are unknown.
    ///
    /// The error names every wrong field.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        self.values.sort_by(|(one, _), (other, _)| one.0.cmp(&other.0));
        for (Text(name), _) in &self.values {
            self.wrong.push(FieldProblem::field(name, "field_unknown", "unknown field"));
        }
        if self.wrong.is_empty() {
            Ok(())
        } else {
            Err(Problem::fields(StatusCode::BAD_REQUEST, self.wrong))
        }
    }

    /// A string that must be there; empty where it is not, which [`finish`](Self::finish) reports.
    pub(crate) fn required_string(&mut self, name: &'static str) -> String {
        self.require(name);
        self.string(name).unwrap_or_default()
    }

    pub(crate) fn string(&mut self, name: &'static str) -> Option<String> {
        self.take(name, "must be a string", |Text(text)| Some(text.into_owned()))
    }

    /// A visible text of one line, of 1 to `longest` characters.
    pub(crate) fn text(&mut self, name: &'static str, longest: usize) -> Option<String> {
        let rule =
            format!("must be a string of 1 to {longest} characters without control characters");
        self.take(name, &rule, |Text(text)| is_words(&text, longest).then(|| text.into_owned()))
    }

    /// Reports a field that is not there.
    pub(crate) fn require(&mut self, name: &'static str) {
        if !self.values.iter().any(|(known, _)| known.0 == name) {
            self.wrong.push(FieldProblem::field(name, "field_missing", "is required"));
        }
    }

    pub(crate) fn boolean(&mut self, name: &'static str) -> Option<bool> {
        self.take(name, "must be true or false", Some)
    }

    pub(crate) fn integer<T: TryFrom<u64>>(&mut self, name: &'static str) -> Option<T> {
        self.take(name, "must be a whole number in range", |number: u64| T::try_from(number).ok())
    }

    /// A number in this range.
    pub(crate) fn number_in<T: DeserializeOwned + PartialOrd>(
        &mut self,
        name: &'static str,
        range: RangeInclusive<T>,
        rule: &str,
    ) -> Option<T> {
        self.take(name, rule, |number: T| Some(number).filter(|it| range.contains(it)))
    }

    /// A whole number that may be negative.
    pub(crate) fn signed(&mut self, name: &'static str) -> Option<i32> {
        self.take(name, "must be a whole number in range", |number: i64| i32::try_from(number).ok())
    }

    /// An object, to be read by [`of_item`](Self::of_item).
    pub(crate) fn object(&mut self, name: &'static str) -> Option<&'a RawValue> {
        self.take(name, "must be an object", |value: &'a RawValue| {
            value.get().starts_with('{').then_some(value)
        })
    }

    /// Reports a field that breaks a rule.
    pub(crate) fn refuse(&mut self, name: &'static str, rule: impl Into<String>) {
        self.wrong.push(FieldProblem::field(name, "field_type", rule));
    }

    pub(crate) fn time(&mut self, name: &'static str) -> Option<OffsetDateTime> {
        self.take(
            name,
            "must be a time such as 2026-12-31T09:30:00+03:00 (RFC 3339)",
            |Text(text)| OffsetDateTime::parse(&text, &Rfc3339).ok(),
        )
    }

    /// An object that is kept as the client wrote it.
    pub(crate) fn metadata(&mut self, name: &'static str) -> Option<Metadata> {
        let value = self.remove(name)?.get();
        if value.len() > MAX_OBJECT_BYTES {
            self.wrong.push(FieldProblem::field(
                name,
                "field_too_large",
                "must be at most 64 KiB of JSON",
            ));
        } else if !value.starts_with('{') {
            self.wrong.push(FieldProblem::field(name, "field_type", "must be an object"));
        } else {
            let inside = |error: MetadataError| {
                FieldProblem::field(name, "json_invalid", error.rule())
                    .with_pointer_inside(error.pointer())
            };
            return Metadata::parse(value).map_err(|error| self.wrong.push(inside(error))).ok();
        }
        None
    }

    /// The first `MAX_ITEMS` items of a list. The list may have more.
    pub(crate) fn list<const MAX_ITEMS: usize>(
        &mut self,
        name: &'static str,
    ) -> Option<Vec<&'a RawValue>> {
        self.take(name, "must be a list", |List(items): List<'a, MAX_ITEMS>| Some(items))
    }

    /// A list of strings, of which each is read by `read`; `rule` says what the list may hold. At
    /// most `MAX_ITEMS` are read.
    pub(crate) fn strings<const MAX_ITEMS: usize, T>(
        &mut self,
        name: &'static str,
        rule: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let item = |item: &RawValue| {
            serde_json::from_str(item.get()).ok().and_then(|Text(text)| read(&text))
        };
        self.take(name, rule, |List(items): List<'a, MAX_ITEMS>| {
            items.into_iter().map(item).collect()
        })
    }

    /// A string, or a list of strings, which tells `true`; empty where it is not there, which
    /// [`finish`](Self::finish) reports. At most `MAX_ITEMS` are read.
    pub(crate) fn required_strings<const MAX_ITEMS: usize>(
        &mut self,
        name: &'static str,
    ) -> (Vec<String>, bool) {
        const RULE: &str = "must be a string or a list of strings";
        self.require(name);
        let is_list = |(known, value): &(Text<'_>, &RawValue)| {
            known.0 == name && value.get().starts_with('[')
        };
        if self.values.iter().any(is_list) {
            let items = self.strings::<MAX_ITEMS, _>(name, RULE, |text| Some(text.to_owned()));
            return (items.unwrap_or_default(), true);
        }
        let one = self.take(name, RULE, |Text(text)| Some(text.into_owned()));
        (one.into_iter().collect(), false)
    }

    /// A value that `read` knows by its name; `rule` lists the names.
    pub(crate) fn one_of<T>(
        &mut self,
        name: &'static str,
        rule: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        self.take(name, rule, |Text(text)| read(&text))
    }

    /// Takes a field out and reads it. A field that is null counts as absent.
    fn take<T, R: Deserialize<'a>>(
        &mut self,
        name: &'static str,
        rule: &str,
        read: impl FnOnce(R) -> Option<T>,
    ) -> Option<T> {
        let value = self.remove(name)?;
        self.parse(name, value, rule, read)
    }

    fn remove(&mut self, name: &'static str) -> Option<&'a RawValue> {
        #[cfg(test)]
        tests::note(name);
        let at = self.values.iter().position(|(known, _)| known.0 == name)?;
        let (_, value) = self.values.swap_remove(at);
        Some(value).filter(|value| value.get() != "null")
    }

    fn parse<T, R: Deserialize<'a>>(
        &mut self,
        name: &'static str,
        value: &'a RawValue,
        rule: &str,
        read: impl FnOnce(R) -> Option<T>,
    ) -> Option<T> {
        let (code, detail) = match serde_json::from_str(value.get()).map(read) {
            Ok(Some(read)) => return Some(read),
            // Half a surrogate pair, a number beyond f64, nesting that is too deep.
            Err(error) if error.is_syntax() => ("json_invalid", format!("cannot be read: {error}")),
            Ok(None) | Err(_) => ("field_type", rule.to_owned()),
        };
        self.wrong.push(FieldProblem::field(name, code, detail));
        None
    }

    /// Adds a field. A second value of the same field is an error: either may be the one that was
    /// meant.
    fn put(&mut self, name: Text<'a>, value: &'a RawValue) {
        if self.values.iter().any(|(known, _)| *known == name) {
            self.wrong.push(FieldProblem::field(&name.0, "json_invalid", "duplicate field"));
        } else {
            self.values.push((name, value));
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;

        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Fields { values: Vec::with_capacity(4), wrong: Vec::new() };
                let mut count = 0;
                while count < MAX_FIELDS
                    && let Some((name, value)) = entries.next_entry()?
                {
                    fields.put(name, value);
                    count += 1;
                }
                if count == MAX_FIELDS && entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some()
                {
                    fields.wrong.push(FieldProblem::whole("field_unknown", "has too many fields"));
                    while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(ObjectVisitor)
    }
}

/// True for words that a person can have written: 1 to `longest` characters, no control characters.
pub(crate) fn is_words(text: &str, longest: usize) -> bool {
    let fits = !is_blank(text) && text.chars().count() <= longest;
    fits && !text.chars().any(char::is_control)
}

/// The problem of a body that is not a JSON object.
pub(crate) fn not_json(reason: impl fmt::Display) -> Problem {
    let detail = format!("the body is not a JSON object: {reason}");
    Problem::new(StatusCode::BAD_REQUEST, "json_invalid", detail)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::RefCell;

    thread_local! {
        /// The names of the fields that were taken on this thread.
        static TAKEN: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
    }

    /// Notes that a reader knows this field.
    pub(super) fn note(name: &'static str) {
        TAKEN.with_borrow_mut(|taken| taken.push(name));
    }

    /// The names of the fields that readers took since the last call, on this thread.
    pub(crate) fn taken() -> Vec<&'static str> {
        TAKEN.take()
    }
}
