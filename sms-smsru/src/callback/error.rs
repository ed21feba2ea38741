//! Why a callback is not believed.

use std::fmt;

use sms_core::{Error, ErrorKind};

/// Why a callback is not believed. Its words hold nothing of the callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallbackError {
    /// More than 1,000 records or 1 MiB.
    TooLarge,
    /// There is a field that is neither a record nor the hash.
    UnknownField,
    /// Two records bear the same number.
    NumberTwice {
        /// The number.
        number: i64,
    },
    /// There are two hashes.
    HashTwice,
    /// There is no hash, or it is empty.
    NoHash,
    /// A record is not in sms.ru's form.
    Malformed {
        /// The number it bears.
        number: i64,
    },
    /// The hash is not that of these records: they are somebody else's, or were changed.
    WrongHash,
}

impl fmt::Display for CallbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("the callback holds too many records or is too long"),
            Self::UnknownField => f.write_str("the callback holds a field sms.ru does not send"),
            Self::NumberTwice { number } => {
                write!(f, "the callback holds two records with the number {number}")
            }
            Self::HashTwice => f.write_str("the callback holds two hashes"),
            Self::NoHash => f.write_str("the callback holds no hash"),
            Self::Malformed { number } => {
                write!(f, "record {number} of the callback is not in sms.ru's form")
            }
            Self::WrongHash => f.write_str("the hash of the callback is wrong"),
        }
    }
}

impl std::error::Error for CallbackError {}

impl From<CallbackError> for Error {
    fn from(error: CallbackError) -> Self {
        Self::new(ErrorKind::Invalid, "the callback was not read").with_source(error)
    }
}
