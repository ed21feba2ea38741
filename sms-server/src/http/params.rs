//! The parameters of lists.

use std::borrow::Cow;
use std::str::FromStr;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use sms_core::clock::datetime_from_ms;
use sms_core::store::{ListRequest, StatsRange, UnmatchedRequest};
use sms_core::{Class, Clock, MessageId, NumberReader, PhoneNumber, Scope, Status, SystemClock};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::http::problem::{FieldProblem, Problem};

/// Messages a page, unless asked otherwise, and at most.
const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 200;
/// How long before its end a range of statistics begins, unless asked otherwise.
const DEFAULT_RANGE: Duration = Duration::DAY;
/// The longest search, in characters.
const MAX_SEARCH: usize = 200;

/// The parameters of a request.
pub(crate) fn parameters(
    parameters: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Vec<(String, String)>, Problem> {
    let malformed =
        |_| Problem::new(StatusCode::BAD_REQUEST, "query_invalid", "the query cannot be read");
    parameters.map(|Query(parameters)| parameters).map_err(malformed)
}

/// Reads the parameters of a list of messages; every wrong one is named.
pub(crate) fn read(
    parameters: Vec<(String, String)>,
    scope: Scope,
    numbers: NumberReader,
) -> Result<ListRequest, Problem> {
    let mut request = ListRequest { scope, limit: DEFAULT_LIMIT, ..ListRequest::default() };
    set_all(parameters, |name, value| set(&mut request, numbers, name, value))?;
    Ok(request)
}

/// Reads the parameters of a list of unmatched receipts; every wrong one is named.
pub(crate) fn unmatched(parameters: Vec<(String, String)>) -> Result<UnmatchedRequest, Problem> {
    let mut request =
        UnmatchedRequest { provider: None, from_time: None, to_time: None, limit: DEFAULT_LIMIT };
    set_all(parameters, |name, value| match name {
        "from_time" => put_time(&mut request.from_time, value),
        "to_time" => put_time(&mut request.to_time, value),
        "limit" => put(&mut request.limit, limit(value), LIMIT),
        _ => Some(UNKNOWN.into()),
    })?;
    Ok(request)
}

/// Reads the range of statistics: of the last day before its end, unless it says otherwise. Its end
/// stays open by itself, for it is the store's clock that tells now.
pub(crate) fn stats(
    parameters: Vec<(String, String)>,
    scope: Scope,
) -> Result<StatsRange, Problem> {
    let mut range = StatsRange { scope, from_time: None, to_time: None };
    set_all(parameters, |name, value| match name {
        "from_time" => put_time(&mut range.from_time, value),
        "to_time" => put_time(&mut range.to_time, value),
        _ => Some(UNKNOWN.into()),
    })?;
    if range.from_time.is_none() {
        let end = range.to_time.unwrap_or_else(|| datetime_from_ms(SystemClock.now_ms()));
        range.from_time = end.checked_sub(DEFAULT_RANGE);
    }
    Ok(range)
}

/// Sets each parameter with `set`, which answers with the rule it breaks, if it does.
fn set_all(
    parameters: Vec<(String, String)>,
    mut set: impl FnMut(&str, &str) -> Option<Rule>,
) -> Result<(), Problem> {
    let mut wrong = Vec::new();
    let mut seen = Vec::new();
    for (name, value) in parameters {
        let rule =
            if seen.contains(&name) { Some("must stand once".into()) } else { set(&name, &value) };
        if let Some(rule) = rule {
            wrong.push(FieldProblem::parameter(name.clone(), "parameter_invalid", rule));
        }
        seen.push(name);
    }
    if wrong.is_empty() { Ok(()) } else { Err(Problem::fields(StatusCode::BAD_REQUEST, wrong)) }
}

const LIMIT: &str = "must be 1 to 200";
const UNKNOWN: &str = "there is no such parameter";

/// The rule that a parameter breaks.
type Rule = Cow<'static, str>;

fn put<T>(slot: &mut T, value: Option<T>, rule: &'static str) -> Option<Rule> {
    let Some(value) = value else { return Some(rule.into()) };
    *slot = value;
    None
}

fn put_time(slot: &mut Option<OffsetDateTime>, value: &str) -> Option<Rule> {
    const TIME: &str = "must be a time such as 2026-12-31T09:30:00Z (RFC 3339)";
    put(slot, time(value).map(Some), TIME)
}

/// A time. An unescaped + in a query is a blank; where the offset begins, it was one.
fn time(value: &str) -> Option<OffsetDateTime> {
    const OFFSET: usize = " 03:00".len();
    let offset = value.len().checked_sub(OFFSET).and_then(|at| value.split_at_checked(at));
    let mended =
        offset.and_then(|(time, offset)| Some(format!("{time}+{}", offset.strip_prefix(' ')?)));
    OffsetDateTime::parse(mended.as_deref().unwrap_or(value), &Rfc3339).ok()
}

/// Sets a number. Its + may have become a blank, as above; before a national number a blank is a
/// blank.
fn put_number(slot: &mut Option<PhoneNumber>, value: &str, numbers: NumberReader) -> Option<Rule> {
    let mended = value.strip_prefix(' ').and_then(|rest| numbers.read(&format!("+{rest}")).ok());
    match mended.map_or_else(|| numbers.read(value), Ok) {
        Ok(number) => *slot = Some(number),
        Err(error) => return error.fields().first().map(|field| field.message.clone()),
    }
    None
}

fn limit(value: &str) -> Option<usize> {
    value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit))
}

/// Sets one parameter; answers with the rule it breaks, if it does.
fn set(request: &mut ListRequest, numbers: NumberReader, name: &str, value: &str) -> Option<Rule> {
    const STATUS: &str = "must be one or more of queued, sending, sent, delivered, undelivered, failed, unknown, \
                          expired, cancelled, separated by commas";
    match name {
        "status" => {
            put(&mut request.statuses, value.split(',').map(Status::from_name).collect(), STATUS)
        }
        "to" => put_number(&mut request.to, value, numbers),
        "q" => {
            let search = Some(value.to_owned())
                .filter(|value| (1..=MAX_SEARCH).contains(&value.chars().count()));
            put(&mut request.search, search.map(Some), "must be 1 to 200 characters")
        }
        "from_time" => put_time(&mut request.from_time, value),
        "to_time" => put_time(&mut request.to_time, value),
        "class" => put(
            &mut request.class,
            Class::from_name(value).map(Some),
            "must be otp, service or marketing",
        ),
        "reference" => put(&mut request.reference, Some(Some(value.to_owned())), ""),
        "limit" => put(&mut request.limit, limit(value), LIMIT),
        "cursor" => {
            let cursor = MessageId::from_str(value).ok().map(Some);
            put(&mut request.after, cursor, "must be the next_cursor of an earlier page")
        }
        _ => Some(UNKNOWN.into()),
    }
}
