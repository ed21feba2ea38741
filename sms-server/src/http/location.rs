//! `Location` of something that a request has made.

use std::fmt::Display;

use axum::http::HeaderValue;
use sms_core::{Error, ErrorKind};

use super::problem::Problem;

/// The path of something in the collection at this path, which begins with the prefix that the
/// application mounted the door at.
pub(crate) fn location(collection: &str, id: impl Display) -> Result<HeaderValue, Problem> {
    let unwritable = |error| {
        Error::new(ErrorKind::Internal, "the location cannot be written").with_source(error)
    };
    let path = format!("{}/{id}", collection.trim_end_matches('/'));
    Ok(HeaderValue::try_from(path).map_err(unwritable)?)
}
