//! Reading JSON bodies so that every mistake in them is named, all at once.

use std::fmt;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::problem::{FieldProblem, Problem};

/// The longest reason a person gives, in characters.
const MAX_REASON: usize = 500;

/// The fields of a JSON object, taken out one by one; what is wrong with them is gathered on the way.
#[derive(Debug)]
pub(crate) struct Fields {
    values: Map<String, Value>,
    wrong: Vec<FieldProblem>,
}

impl Fields {
    /// Reads the body of a request.
    pub(crate) fn read(headers: &HeaderMap, body: &Bytes) -> Result<Self, Problem> {
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = content_type.and_then(|value| value.split(';').next()).map(str::trim);
        if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
            let detail = "the body must be JSON, sent with Content-Type: application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type", detail));
        }
        let malformed = |error: serde_json::Error| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "json_invalid",
                format!("the body is not a JSON object: {error}"),
            )
        };
        let Object(values) = serde_json::from_slice(body).map_err(malformed)?;
        Ok(Self { values, wrong: Vec::new() })
    }

    /// Ends the reading: fields nobody took are unknown.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        for name in self.values.keys() {
            self.wrong.push(FieldProblem::field(name, "field_unknown", "there is no such field"));
        }
        if self.wrong.is_empty() { Ok(()) } else { Err(Problem::fields(StatusCode::BAD_REQUEST, self.wrong)) }
    }

    pub(crate) fn required_string(&mut self, name: &'static str) -> String {
        self.require(name);
        self.string(name).unwrap_or_default()
    }

    pub(crate) fn string(&mut self, name: &'static str) -> Option<String> {
        self.take(name, "must be a string", |value| match value {
            Value::String(text) => Some(text),
            _ => None,
        })
    }

    /// Words of people: not empty, and not longer than this many characters.
    pub(crate) fn text(&mut self, name: &'static str, longest: usize) -> Option<String> {
        let rule = format!("must be a string of 1 to {longest} characters without control characters");
        self.take(name, &rule, |value| match value {
            Value::String(text) if !text.trim().is_empty() && text.chars().count() <= longest => {
                Some(text).filter(|text| !text.chars().any(char::is_control))
            }
            _ => None,
        })
    }

    /// Why a person does something.
    pub(crate) fn reason(&mut self) -> Option<String> {
        self.text("reason", MAX_REASON)
    }

    /// Says that a field must be there.
    pub(crate) fn require(&mut self, name: &'static str) {
        if !self.values.contains_key(name) {
            self.wrong.push(FieldProblem::field(name, "field_missing", "is required"));
        }
    }

    pub(crate) fn boolean(&mut self, name: &'static str) -> Option<bool> {
        self.take(name, "must be true or false", |value| value.as_bool())
    }

    pub(crate) fn integer<T: TryFrom<u64>>(&mut self, name: &'static str) -> Option<T> {
        self.take(name, "must be a whole number in range", |value| T::try_from(value.as_u64()?).ok())
    }

    pub(crate) fn time(&mut self, name: &'static str) -> Option<OffsetDateTime> {
        self.take(name, "must be a time such as 2026-12-31T09:30:00+03:00 (RFC 3339)", |value| {
            OffsetDateTime::parse(value.as_str()?, &Rfc3339).ok()
        })
    }

    pub(crate) fn object(&mut self, name: &'static str) -> Option<Map<String, Value>> {
        self.take(name, "must be an object", |value| match value {
            Value::Object(object) => Some(object),
            _ => None,
        })
    }

    /// A value of which `read` knows the names.
    pub(crate) fn one_of<T>(
        &mut self,
        name: &'static str,
        rule: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        self.take(name, rule, |value| read(value.as_str()?))
    }

    /// Takes a field out; null is as good as absent.
    fn take<T>(&mut self, name: &str, rule: &str, read: impl FnOnce(Value) -> Option<T>) -> Option<T> {
        let value = self.values.remove(name).filter(|value| !value.is_null())?;
        let read = read(value);
        if read.is_none() {
            self.wrong.push(FieldProblem::field(name, "field_type", rule.to_owned()));
        }
        read
    }
}

/// A JSON object in which no name stands twice: of two values, nobody can tell which one was meant.
struct Object(Map<String, Value>);

impl<'de> serde::Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;

        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Object, A::Error> {
                let mut values = Map::new();
                while let Some((name, value)) = entries.next_entry::<String, Value>()? {
                    if values.contains_key(&name) {
                        return Err(A::Error::custom(format_args!("field `{name}` stands twice")));
                    }
                    values.insert(name, value);
                }
                Ok(Object(values))
            }
        }

        deserializer.deserialize_map(ObjectVisitor)
    }
}
