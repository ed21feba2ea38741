//! Value of a setting, and its source.

use std::fmt;
use std::path::PathBuf;

use super::keys::{Key, variable};

/// A value and its source.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) value: Value,
    pub(super) source: Source,
}

/// A value as it was given, trimmed. Types are never converted: `true` is no number.
pub(super) enum Value {
    /// Text of a variable or a flag, which have no types.
    Plain(String),
    /// A text in quotes, in a file.
    Text(String),
    /// A whole number in a file.
    Number(u64),
    /// `true` or `false` in a file.
    Boolean(bool),
    /// A list of texts in a file.
    List(Vec<String>),
    /// Anything else in a file.
    Other,
}

/// The source of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Default,
    File {
        path: PathBuf,
        line: usize,
    },
    /// An environment variable with the value, or with the name of the file that holds it.
    Variable(String),
    Flag(Key),
}

impl Setting {
    pub(super) fn flag(key: Key, value: &str) -> Self {
        Self { value: Value::Plain(value.trim().to_owned()), source: Source::Flag(key) }
    }
}

impl Value {
    /// The text. An empty one is refused.
    pub(super) fn text(&self) -> Result<&str, String> {
        match self {
            Self::Plain(text) | Self::Text(text) if text.is_empty() => {
                Err("is empty; leave it out to have the default".to_owned())
            }
            Self::Plain(text) | Self::Text(text) => Ok(text),
            _ => Err("must be a text in quotes".to_owned()),
        }
    }

    /// The whole number.
    pub(super) fn number(&self) -> Result<u64, String> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Plain(text) => text.parse().map_err(|_| "must be a whole number".to_owned()),
            _ => Err("must be a whole number, without quotes".to_owned()),
        }
    }

    /// Yes or no.
    pub(super) fn boolean(&self) -> Result<bool, String> {
        match self {
            Self::Boolean(value) => Ok(*value),
            Self::Plain(text) => text.parse().map_err(|_| "must be true or false".to_owned()),
            _ => Err("must be true or false, without quotes".to_owned()),
        }
    }

    /// The names of a list. In a text they are separated by commas.
    pub(super) fn list(&self) -> Result<Vec<&str>, String> {
        match self {
            Self::List(names) => Ok(names.iter().map(|name| name.trim()).collect()),
            Self::Plain(text) | Self::Text(text) => {
                Ok(text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect())
            }
            _ => Err("must be a list of texts in quotes".to_owned()),
        }
    }
}

impl Source {
    /// The error of a value from this source; `rule` begins with a verb.
    pub(super) fn complaint(&self, key: Key, rule: &str) -> String {
        match self {
            Self::Default => format!("{}: {rule}", key.name()),
            Self::File { .. } => format!("{self}: {} {rule}", key.name()),
            Self::Variable(_) | Self::Flag(_) => format!("{self}: {rule}"),
        }
    }

    /// The name of the setting to change.
    pub(super) fn place(&self, key: Key) -> String {
        match self {
            Self::Default => variable(key),
            Self::File { path, .. } => format!("`{}` in {}", key.name(), path.display()),
            Self::Variable(_) | Self::Flag(_) => self.to_string(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}, line {line}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(key) => write!(f, "--{}", key.name()),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
