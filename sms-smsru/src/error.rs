//! Constructors of the errors that several modules return.

use std::fmt;

use sms_core::{Error, ErrorKind};

/// An error in the configuration. The message must hold no secret.
pub(crate) fn config_error(message: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Config, format!("sms.ru: {message}"))
}

/// An error for no reply, or for one that cannot be read.
pub(crate) fn unavailable(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unavailable, reason.into())
}

/// An error for a successful reply without the value that was requested.
pub(crate) fn missing_value(name: &'static str) -> Error {
    unavailable(format!("the answer of sms.ru has no {name}"))
}
