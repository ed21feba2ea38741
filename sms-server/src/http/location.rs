//! `Location` of something that a request has made.

use std::fmt::Display;

use axum::http::{HeaderValue, Uri};
use sms_core::{Error, ErrorKind};

use super::problem::Problem;
use crate::app::site::Site;

/// The beginning of the path of every collection.
const VERSION: &str = "/v1/";

/// The path of something in this collection, such as `/v1/keys`, as clients see it: under the
/// public address or, where none is set, with the prefix that the application mounted the door at,
/// which is that of the request up to its own collection.
pub(crate) fn location(
    site: &Site,
    uri: &Uri,
    collection: &str,
    id: impl Display,
) -> Result<HeaderValue, Problem> {
    let unwritable = |error| {
        Error::new(ErrorKind::Internal, "the location cannot be written").with_source(error)
    };
    let mounted_at = || uri.path().rfind(VERSION).map_or("", |at| &uri.path()[..at]);
    let prefix = match &site.public_url {
        Some(url) => url.base().trim_end_matches('/'),
        None => mounted_at(),
    };
    Ok(HeaderValue::try_from(format!("{prefix}{collection}/{id}")).map_err(unwritable)?)
}
