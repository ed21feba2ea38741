//! Idempotency keys: a header of a single message, a field of each message of a batch.

use axum::http::{HeaderMap, HeaderName, StatusCode};

use crate::http::problem::{FieldProblem, IDEMPOTENCY_KEY, Problem};

/// The header of a reply with the first message of a key that was used again.
pub(super) const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Reads the key of a single message.
pub(super) fn read(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(wrong("must not be repeated"));
    }
    value.to_str().map(Some).map_err(|_| wrong("must be printable ASCII"))
}

/// Refuses a key for a whole batch.
pub(super) fn refuse(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.contains_key(IDEMPOTENCY_KEY) {
        let rule = "must not be sent with a batch: give each message a field idempotency_key";
        return Err(wrong(rule));
    }
    Ok(())
}

fn wrong(rule: &'static str) -> Problem {
    Problem::fields(StatusCode::BAD_REQUEST, vec![FieldProblem::idempotency_key(rule)])
}
