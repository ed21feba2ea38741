//! Parser of the JSON object in a request, field by field.

use serde_json::{Map, Value};
use sms_core::Money;

use crate::simulator::phone::Phone;

/// A field with an invalid value, and the reason.
#[derive(Debug)]
pub(crate) struct InputError {
    pub(crate) field: String,
    pub(crate) message: &'static str,
}

impl InputError {
    pub(crate) fn new(field: &str, message: &'static str) -> Self {
        Self { field: field.to_owned(), message }
    }
}

/// A field that can be `null`, which is different from absent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Nullable<T> {
    Absent,
    Null,
    Value(T),
}

impl<T> Nullable<T> {
    /// Returns the new value of a setting: the `current` value if the field is absent.
    pub(crate) fn or(self, current: Option<T>) -> Option<T> {
        match self {
            Self::Absent => current,
            Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }
}

/// The fields that are not parsed yet.
#[derive(Debug)]
pub(crate) struct Input(Map<String, Value>);

impl Input {
    /// Parses a body. An empty body counts as an empty object.
    pub(crate) fn read(body: &[u8]) -> Result<Self, InputError> {
        if body.trim_ascii().is_empty() {
            return Ok(Self(Map::new()));
        }
        serde_json::from_slice(body)
            .map(Self)
            .map_err(|_| InputError::new("body", "must be a JSON object"))
    }

    /// Removes a field and reads its value.
    fn nullable<T>(
        &mut self,
        field: &str,
        rule: &'static str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Nullable<T>, InputError> {
        match self.0.remove(field) {
            None => Ok(Nullable::Absent),
            Some(Value::Null) => Ok(Nullable::Null),
            Some(value) => {
                read(&value).map(Nullable::Value).ok_or_else(|| InputError::new(field, rule))
            }
        }
    }

    fn optional<T>(
        &mut self,
        field: &str,
        rule: &'static str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, InputError> {
        match self.nullable(field, rule, read)? {
            Nullable::Absent => Ok(None),
            Nullable::Null => Err(InputError::new(field, rule)),
            Nullable::Value(value) => Ok(Some(value)),
        }
    }

    pub(crate) fn text(&mut self, field: &str) -> Result<Option<String>, InputError> {
        self.optional(field, "must be a string", |value| value.as_str().map(str::to_owned))
    }

    pub(crate) fn flag(&mut self, field: &str) -> Result<Option<bool>, InputError> {
        self.optional(field, "must be true or false", Value::as_bool)
    }

    pub(crate) fn number(&mut self, field: &str) -> Result<Option<u64>, InputError> {
        self.optional(field, "must be a whole number from 0", Value::as_u64)
    }

    /// Reads a limit. `null` means no limit.
    pub(crate) fn limit(&mut self, field: &str) -> Result<Nullable<u32>, InputError> {
        self.nullable(field, "must be a whole number from 0, or null", |value| {
            u32::try_from(value.as_u64()?).ok()
        })
    }

    pub(crate) fn code(&mut self, field: &str) -> Result<Option<i32>, InputError> {
        self.optional(field, "must be a code from 100 to 999", code)
    }

    /// Reads a code. `null` means no code.
    pub(crate) fn code_or_none(&mut self, field: &str) -> Result<Nullable<i32>, InputError> {
        self.nullable(field, "must be a code from 100 to 999, or null", code)
    }

    pub(crate) fn codes(&mut self, field: &str) -> Result<Option<Vec<i32>>, InputError> {
        self.optional(field, "must be a list of codes from 100 to 999", |value| {
            value.as_array()?.iter().map(code).collect()
        })
    }

    pub(crate) fn texts(&mut self, field: &str) -> Result<Option<Vec<String>>, InputError> {
        self.optional(field, "must be a list of strings", |value| {
            value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        })
    }

    pub(crate) fn money(&mut self, field: &str) -> Result<Option<Money>, InputError> {
        self.optional(field, "must be an amount such as \"100.50\"", |value| match value {
            Value::String(text) => Money::parse(text),
            Value::Number(number) => Money::parse(&number.to_string()),
            _ => None,
        })
    }

    pub(crate) fn phone(&mut self, field: &str) -> Result<Option<u64>, InputError> {
        self.optional(field, "must be a phone number, as a string", |value| {
            Phone::read(value.as_str()?).number
        })
    }

    /// Checks that no field is left.
    pub(crate) fn finish(self) -> Result<(), InputError> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(field) => Err(InputError::new(field, "is not a known field")),
        }
    }
}

fn code(value: &Value) -> Option<i32> {
    i32::try_from(value.as_i64()?).ok().filter(|code| (100..=999).contains(code))
}

/// Returns the value of a required field.
pub(crate) fn required<T>(field: &str, value: Option<T>) -> Result<T, InputError> {
    value.ok_or_else(|| InputError::new(field, "is missing"))
}
