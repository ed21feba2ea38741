//! `Location` of something that a request has made.

use std::fmt::Display;

use axum::http::{HeaderValue, Uri};
use sms_core::{Error, ErrorKind};

use super::problem::Problem;

/// The beginning of the path of every collection.
const VERSION: &str = "/v1/";

/// The path of something in this collection, such as `/v1/keys`, with the prefix that the
/// application mounted the door at: that of the request, up to its own collection.
pub(crate) fn location(
    uri: &Uri,
    collection: &str,
    id: impl Display,
) -> Result<HeaderValue, Problem> {
    let unwritable = |error| {
        Error::new(ErrorKind::Internal, "the location cannot be written").with_source(error)
    };
    let prefix = uri.path().rfind(VERSION).map_or("", |at| &uri.path()[..at]);
    Ok(HeaderValue::try_from(format!("{prefix}{collection}/{id}")).map_err(unwritable)?)
}
