//! The JSON object of a control request, taken apart field by field.

use serde_json::{Map, Value};
use sms_core::Money;

use crate::simulator::phone::Phone;

/// Which field is wrong, and why.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) field: String,
    pub(crate) message: &'static str,
}

impl Wrong {
    pub(crate) fn new(field: &str, message: &'static str) -> Self {
        Self { field: field.to_owned(), message }
    }
}

/// A field that may be `null`, which is not the same as absent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Given<T> {
    Absent,
    Null,
    Value(T),
}

impl<T> Given<T> {
    /// The value or none; what it was before if nothing was given.
    pub(crate) fn or(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Absent => before,
            Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }
}

/// The fields that were not taken yet.
#[derive(Debug)]
pub(crate) struct Input(Map<String, Value>);

impl Input {
    /// Reads a body; an empty one is an empty object.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Wrong> {
        if body.trim_ascii().is_empty() {
            return Ok(Self(Map::new()));
        }
        serde_json::from_slice(body)
            .map(Self)
            .map_err(|_| Wrong::new("body", "must be a JSON object"))
    }

    /// Takes the field, if it is there and fits.
    fn nullable<T>(
        &mut self,
        field: &str,
        rule: &'static str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Given<T>, Wrong> {
        match self.0.remove(field) {
            None => Ok(Given::Absent),
            Some(Value::Null) => Ok(Given::Null),
            Some(value) => read(&value).map(Given::Value).ok_or_else(|| Wrong::new(field, rule)),
        }
    }

    fn optional<T>(
        &mut self,
        field: &str,
        rule: &'static str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, Wrong> {
        match self.nullable(field, rule, read)? {
            Given::Absent => Ok(None),
            Given::Null => Err(Wrong::new(field, rule)),
            Given::Value(value) => Ok(Some(value)),
        }
    }

    pub(crate) fn text(&mut self, field: &str) -> Result<Option<String>, Wrong> {
        self.optional(field, "must be a string", |value| value.as_str().map(str::to_owned))
    }

    pub(crate) fn flag(&mut self, field: &str) -> Result<Option<bool>, Wrong> {
        self.optional(field, "must be true or false", Value::as_bool)
    }

    pub(crate) fn number(&mut self, field: &str) -> Result<Option<u64>, Wrong> {
        self.optional(field, "must be a whole number from 0", Value::as_u64)
    }

    /// A number as a limit, where `null` is none.
    pub(crate) fn limit(&mut self, field: &str) -> Result<Given<u32>, Wrong> {
        self.nullable(field, "must be a whole number from 0, or null", |value| {
            u32::try_from(value.as_u64()?).ok()
        })
    }

    pub(crate) fn code(&mut self, field: &str) -> Result<Option<i32>, Wrong> {
        self.optional(field, "must be a code from 100 to 999", code)
    }

    /// A code, where `null` is none.
    pub(crate) fn code_or_none(&mut self, field: &str) -> Result<Given<i32>, Wrong> {
        self.nullable(field, "must be a code from 100 to 999, or null", code)
    }

    pub(crate) fn codes(&mut self, field: &str) -> Result<Option<Vec<i32>>, Wrong> {
        self.optional(field, "must be a list of codes from 100 to 999", |value| {
            value.as_array()?.iter().map(code).collect()
        })
    }

    pub(crate) fn texts(&mut self, field: &str) -> Result<Option<Vec<String>>, Wrong> {
        self.optional(field, "must be a list of strings", |value| {
            value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        })
    }

    pub(crate) fn money(&mut self, field: &str) -> Result<Option<Money>, Wrong> {
        self.optional(field, "must be an amount such as \"100.50\"", |value| match value {
            Value::String(text) => Money::parse(text),
            Value::Number(number) => Money::parse(&number.to_string()),
            _ => None,
        })
    }

    pub(crate) fn phone(&mut self, field: &str) -> Result<Option<u64>, Wrong> {
        self.optional(field, "must be a phone number, as a string", |value| {
            Phone::read(value.as_str()?).number
        })
    }

    /// Ends the reading: a field that nobody asked for is a mistake.
    pub(crate) fn end(self) -> Result<(), Wrong> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(field) => Err(Wrong::new(field, "there is no such field here")),
        }
    }
}

fn code(value: &Value) -> Option<i32> {
    i32::try_from(value.as_i64()?).ok().filter(|code| (100..=999).contains(code))
}

/// A field that has to be there.
pub(crate) fn required<T>(field: &str, given: Option<T>) -> Result<T, Wrong> {
    given.ok_or_else(|| Wrong::new(field, "is missing"))
}
