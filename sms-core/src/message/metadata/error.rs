//! Errors of metadata.

use std::borrow::Cow;
use std::fmt;

use crate::error::{Error, FieldError};

/// Error of [`Metadata::parse`](super::Metadata::parse): the broken rule and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataError {
    pointer: String,
    rule: &'static str,
}

impl MetadataError {
    pub(super) fn new(rule: &'static str) -> Self {
        Self { pointer: String::new(), rule }
    }

    /// Adds the key or index that leads to the error from the object or list around it.
    pub(super) fn inside(mut self, segment: &str) -> Self {
        let segment = segment.replace('~', "~0").replace('/', "~1");
        self.pointer.insert_str(0, &format!("/{segment}"));
        self
    }

    /// Place in the object as a JSON pointer (RFC 6901); empty for the object itself.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// The rule that was broken, in words.
    pub const fn rule(&self) -> &'static str {
        self.rule
    }
}

impl fmt::Display for MetadataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "metadata{}: {}", self.pointer, self.rule)
    }
}

impl std::error::Error for MetadataError {}

impl From<MetadataError> for Error {
    fn from(error: MetadataError) -> Self {
        let message = match error.pointer() {
            "" => Cow::Borrowed(error.rule),
            pointer => Cow::Owned(format!("{} (at {pointer})", error.rule)),
        };
        FieldError::new("metadata", "metadata_invalid", message).into()
    }
}
