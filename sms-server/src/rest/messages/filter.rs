//! The filters of a list of messages, as parameters of the query.

use sms_core::store::{ListRequest, Scope};
use sms_core::{Class, MessageId, NumberReader, Status};

use crate::http::params::{Rule, put, put_time, unknown};
use crate::http::problem::Problem;
use crate::keys::{KeyScope, Principal};
use crate::rest::numbers::put_number;

/// The longest search, in characters.
pub(crate) const MAX_SEARCH: usize = 200;

/// The filter by the client.
pub(crate) const CLIENT: &str = "client";

/// The client that a request asks for the messages of; without one, those that the caller sees.
#[derive(Debug, Default)]
pub(crate) struct ClientFilter(Option<String>);

impl ClientFilter {
    pub(crate) fn set(&mut self, id: &str) -> Option<Rule> {
        self.0 = Some(id.to_owned());
        None
    }

    /// The messages that are asked for.
    ///
    /// # Errors
    ///
    /// `not_found` for another client than that of a caller who sees only their own.
    pub(crate) fn scope(self, caller: &Principal) -> Result<Scope, Problem> {
        match self.0 {
            Some(client) if caller.may(KeyScope::Admin) => Ok(Scope::Owner(client)),
            Some(client) if *client != *caller.client => Err(Problem::not_found()),
            _ => Ok(caller.scope()),
        }
    }
}

/// Sets one filter; returns the rule that it breaks, if it does.
pub(crate) fn set_filter(
    request: &mut ListRequest,
    numbers: NumberReader,
    name: &str,
    value: &str,
) -> Option<Rule> {
    const STATUS: &str = "must be one or more of queued, sending, sent, delivered, undelivered, \
                          failed, unknown, expired, cancelled, separated by commas";
    match name {
        "status" => {
            put(&mut request.statuses, value.split(',').map(Status::from_name).collect(), STATUS)
        }
        "to" => put_number(&mut request.to, value, numbers),
        "q" => {
            let fits = (1..=MAX_SEARCH).contains(&value.chars().count());
            let search = fits.then(|| value.to_owned());
            put(&mut request.search, search.map(Some), "must be 1 to 200 characters")
        }
        "from_time" => put_time(&mut request.from_time, value),
        "to_time" => put_time(&mut request.to_time, value),
        "class" => put(
            &mut request.class,
            Class::from_name(value).map(Some),
            "must be otp, service or marketing",
        ),
        "code" => put(&mut request.code, value.parse().ok().map(Some), "must be a whole number"),
        "resend_of" => {
            let id = value.parse().ok().map(Some);
            put(&mut request.resend_of, id, "must be the id of a message")
        }
        "reference" => {
            request.reference = Some(value.to_owned());
            None
        }
        _ => unknown(),
    }
}

/// Sets the message to go on after.
pub(crate) fn put_cursor(slot: &mut Option<MessageId>, value: &str) -> Option<Rule> {
    put(slot, value.parse().ok().map(Some), "must be the next_cursor of an earlier page")
}
