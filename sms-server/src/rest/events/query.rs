//! Parameters of `GET /v1/events`.

use axum::http::{HeaderMap, HeaderName, StatusCode};
use sms_core::EventKind;

use super::cursor::Cursor;
use crate::http::params::{DEFAULT_LIMIT, Params, Rule, put, put_limit, unknown};
use crate::http::problem::{FieldProblem, Problem};

/// The header in which a browser repeats the id of the last event that it got.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const CURSOR: &str = "must be a cursor from this API";
const KINDS: &str = "must be one or more of attempt, late_outcome, lease_over, receipt, \
                     receipt_given_up, expired, cancelled, resolved, inferred, restored, \
                     separated by commas";

/// The events that a client asks for.
#[derive(Debug)]
pub(super) struct EventsQuery {
    /// The position to go on after; `None` for the end of the log.
    pub(super) after: Option<Cursor>,
    /// The kinds, any of them; empty for all.
    pub(super) kinds: Vec<EventKind>,
    /// The number of events on a page.
    pub(super) limit: usize,
}

impl EventsQuery {
    /// Reads the parameters. The header of a browser that connects again wins over `after`, which
    /// is still the one of its first connection.
    pub(super) fn read(params: Params, headers: &HeaderMap) -> Result<Self, Problem> {
        let mut query = Self { after: None, kinds: Vec::new(), limit: DEFAULT_LIMIT };
        params.set_each(|name, value| query.set(name, value))?;
        if let Some(id) = headers.get(LAST_EVENT_ID) {
            let cursor = id.to_str().ok().and_then(|id| id.parse().ok());
            query.after = Some(cursor.ok_or_else(wrong_header)?);
        }
        Ok(query)
    }

    fn set(&mut self, name: &str, value: &str) -> Option<Rule> {
        match name {
            "after" => put(&mut self.after, value.parse().ok().map(Some), CURSOR),
            "kinds" => put(&mut self.kinds, value.split(',').map(logged_kind).collect(), KINDS),
            "limit" => put_limit(&mut self.limit, value),
            _ => unknown(),
        }
    }
}

/// A kind that the log has. The other two are only in timelines, and a client that asked for them
/// would wait for nothing.
fn logged_kind(name: &str) -> Option<EventKind> {
    let kind = EventKind::from_name(name)?;
    (!matches!(kind, EventKind::Accepted | EventKind::Started)).then_some(kind)
}

fn wrong_header() -> Problem {
    let wrong = FieldProblem::parameter("Last-Event-ID", "parameter_invalid", CURSOR);
    Problem::fields(StatusCode::BAD_REQUEST, vec![wrong])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_names_every_kind_of_the_log() {
        for kind in EventKind::ALL {
            let name = kind.as_str();
            let is_named = KINDS.split([' ', ',']).any(|word| word == name);
            assert_eq!(is_named, logged_kind(name).is_some(), "{name}");
        }
    }
}
