//! The header `traceparent` of requests that send.

use axum::http::HeaderMap;
use sms_core::message::TraceParent;

const TRACEPARENT: &str = "traceparent";

/// Reads the header. One that is missing, repeated or malformed is ignored, as W3C Trace Context
/// asks: tracing must not keep a message from being sent.
pub(super) fn read(headers: &HeaderMap) -> Option<TraceParent> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    value.to_str().ok()?.trim().parse().ok()
}
