//! The reasons why a callback is rejected.

use std::fmt;

use sms_core::{Error, ErrorKind};

/// The reason why a callback is rejected. Its text contains no value of the callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallbackError {
    /// More than 1,000 records or 1 MiB.
    TooLarge,
    /// A field that is neither a record nor the hash.
    UnknownField,
    /// Two records with the same number.
    DuplicateNumber {
        /// The number.
        number: i64,
    },
    /// Two hashes.
    DuplicateHash,
    /// No hash, or an empty one.
    NoHash,
    /// A record that does not have the format of sms.ru.
    Malformed {
        /// The number of the record.
        number: i64,
    },
    /// A hash that does not match the records: they are forged, or belong to another account.
    WrongHash,
}

impl fmt::Display for CallbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("the callback has too many records or is too long"),
            Self::UnknownField => f.write_str("the callback has a field that sms.ru does not send"),
            Self::DuplicateNumber { number } => {
                write!(f, "the callback has two records with the number {number}")
            }
            Self::DuplicateHash => f.write_str("the callback has two hashes"),
            Self::NoHash => f.write_str("the callback has no hash"),
            Self::Malformed { number } => {
                write!(f, "record {number} of the callback is malformed")
            }
            Self::WrongHash => f.write_str("the hash of the callback is wrong"),
        }
    }
}

impl std::error::Error for CallbackError {}

impl From<CallbackError> for Error {
    fn from(error: CallbackError) -> Self {
        Self::new(ErrorKind::Invalid, "the callback was rejected").with_source(error)
    }
}
