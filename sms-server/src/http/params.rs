//! Parameters of a query, read so that every wrong one is named.

use std::borrow::Cow;

use axum::extract::{FromRequestParts, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::problem::{FieldProblem, Problem};

/// Items on a page, unless the client asks for another number.
pub(crate) const DEFAULT_LIMIT: usize = 50;
/// Items on a page at most.
pub(crate) const MAX_LIMIT: usize = 200;

/// The rule that a parameter breaks, in words.
pub(crate) type Rule = Cow<'static, str>;

/// The parameters of a query, as the client wrote them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Params(pub(crate) Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let malformed =
            |_| Problem::new(StatusCode::BAD_REQUEST, "query_invalid", "the query cannot be read");
        let query = Query::from_request_parts(parts, state).await;
        query.map(|Query(params)| Self(params)).map_err(malformed)
    }
}

impl Params {
    /// Hands each parameter to `set`, which returns the rule that it breaks, if it does.
    pub(crate) fn set_each(
        self,
        mut set: impl FnMut(&str, &str) -> Option<Rule>,
    ) -> Result<(), Problem> {
        let mut wrong = Vec::new();
        let mut seen = Vec::new();
        for (name, value) in self.0 {
            let rule = if seen.contains(&name) {
                Some("must not be repeated".into())
            } else {
                set(&name, &value)
            };
            if let Some(rule) = rule {
                wrong.push(FieldProblem::parameter(name.clone(), "parameter_invalid", rule));
            }
            seen.push(name);
        }
        if wrong.is_empty() { Ok(()) } else { Err(Problem::fields(StatusCode::BAD_REQUEST, wrong)) }
    }
}

/// The answer to a parameter that the path does not have.
#[allow(clippy::unnecessary_wraps, reason = "an arm of a match on names")]
pub(crate) fn unknown() -> Option<Rule> {
    Some("unknown parameter".into())
}

/// Sets a value that was read; the rule is that of a value which could not be.
pub(crate) fn put<T>(slot: &mut T, value: Option<T>, rule: &'static str) -> Option<Rule> {
    let Some(value) = value else { return Some(rule.into()) };
    *slot = value;
    None
}

/// Sets a time.
pub(crate) fn put_time(slot: &mut Option<OffsetDateTime>, value: &str) -> Option<Rule> {
    const TIME: &str = "must be a time such as 2026-12-31T09:30:00Z (RFC 3339)";
    put(slot, time(value).map(Some), TIME)
}

/// Sets a switch.
pub(crate) fn put_boolean(slot: &mut bool, value: &str) -> Option<Rule> {
    put(slot, value.parse().ok(), "must be true or false")
}

/// Sets the number of items on a page.
pub(crate) fn put_limit(slot: &mut usize, value: &str) -> Option<Rule> {
    let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    put(slot, limit, "must be 1 to 200")
}

/// Reads a time. A + that the client did not escape arrives as a blank; where the offset begins, a
/// blank can only have been one.
fn time(value: &str) -> Option<OffsetDateTime> {
    const OFFSET: usize = " 03:00".len();
    let offset = value.len().checked_sub(OFFSET).and_then(|at| value.split_at_checked(at));
    let mended =
        offset.and_then(|(time, offset)| Some(format!("{time}+{}", offset.strip_prefix(' ')?)));
    OffsetDateTime::parse(mended.as_deref().unwrap_or(value), &Rfc3339).ok()
}
