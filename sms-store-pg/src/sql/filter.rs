//! The statements for messages that match a filter.

use sms_core::clock::datetime_to_ms;
use sms_core::store::ListRequest;
use sms_core::{MessageId, NumberReader, Route, Scope, Status};
use sqlx::{Postgres, QueryBuilder};

use crate::sql::args::{clean, name, rows, uuid};
use crate::sql::fragments::{its_message, its_state};
use crate::sql::row;

/// The condition that has an index of the messages that send an earlier one again.
macro_rules! resend_of {
    () => {
        "resend IS NOT NULL AND resend::json ->> 'of' = "
    };
}

/// The index that a search reads its candidates from, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Number,
    Resend,
    Reference,
    /// One of the states after `sending`. The states before have no index in this order.
    State,
    Owner,
    /// All messages of a route other than the default one.
    Route,
    Everything,
}

impl Source {
    pub(crate) fn of(request: &ListRequest, status: Option<Status>) -> Self {
        let is_owned = request.scope != Scope::All;
        match status {
            _ if request.to.is_some() => Self::Number,
            _ if request.resend_of.is_some() => Self::Resend,
            _ if request.reference.is_some() => Self::Reference,
            // Most messages of an owner end in these states, so a page of them is found fast among
            // all of the owner's messages.
            Some(Status::Sent | Status::Delivered) if is_owned => Self::Owner,
            Some(status) if status > Status::Sending => Self::State,
            _ if is_owned => Self::Owner,
            _ if request.route.as_ref().is_some_and(|it| *it != Route::DEFAULT) => Self::Route,
            _ => Self::Everything,
        }
    }

    /// True if every candidate belongs to the page, so that no more rows are read than the page
    /// has.
    pub(crate) fn serves_all(self, request: &ListRequest, status: Option<Status>) -> bool {
        let has_time = request.from_time.is_some() || request.to_time.is_some();
        let has_others = request.search.is_some()
            || request.class.is_some()
            || request.code.is_some()
            || request.resend_of.is_some()
            || request.provider.is_some()
            || has_time;
        !has_others
            && (request.route.is_none() || self == Self::Route)
            && (request.reference.is_none() || self == Self::Reference)
            && (status.is_none() || self == Self::State)
            && (request.scope == Scope::All || self == Self::Owner)
    }
}

/// The statement for the candidate at this place after the last message.
pub(crate) fn candidate(
    request: &ListRequest,
    source: Source,
    status: Option<Status>,
    place: usize,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("SELECT c.id, s.created_at FROM (SELECT id FROM ");
    match (source, request.to, &request.reference, &request.scope) {
        (Source::Number, Some(to), ..) => {
            query.push("messages WHERE to_number = ").push_bind(to.digits().cast_signed());
        }
        (Source::Resend, ..) => {
            let of = request.resend_of.map(|id| id.to_string());
            query.push(concat!("messages WHERE ", resend_of!())).push_bind(of);
        }
        (Source::Reference, _, Some(reference), _) => {
            query.push("messages WHERE reference = ").push_bind(name(reference).into_owned());
        }
        (Source::Owner, _, _, Scope::Owner(owner)) => {
            query.push("messages WHERE owner = ").push_bind(name(owner).into_owned());
        }
        (Source::State, ..) => {
            let number = status.map_or(0, Status::number);
            query.push("states WHERE status > 1 AND status = ").push(number);
        }
        (Source::Route, ..) => {
            let route = request.route.as_ref().map(|route| route.as_str().to_owned());
            query.push("messages WHERE route <> 'default' AND route = ").push_bind(route);
        }
        _ => {
            query.push("messages WHERE TRUE");
        }
    }
    if let Some(after) = request.after {
        query.push(" AND id < ").push_bind(uuid(after));
    }
    query.push(" ORDER BY id DESC LIMIT 1 OFFSET ").push(rows(place - 1));
    query.push(") AS c JOIN states AS s ON s.id = c.id");
    query
}

/// The statement for a page.
///
/// Number, reference, owner and status each have an index that ends in the id, so that a page is
/// read from it in order and nothing is sorted. Several statuses are several such reads, each cut
/// to a page.
pub(crate) fn statement(request: &ListRequest, numbers: NumberReader) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(row::WHOLE_MESSAGE);
    match request.statuses.as_slice() {
        [] => {
            push_source(&mut query, None);
            push_filters(&mut query, request, numbers, None);
        }
        [status] => {
            push_source(&mut query, Some(*status));
            push_filters(&mut query, request, numbers, None);
        }
        statuses => {
            push_source(&mut query, None);
            query.push(" AND m.id = ANY (ARRAY(");
            for (index, status) in statuses.iter().enumerate() {
                query.push(if index > 0 { " UNION ALL " } else { "" });
                query.push("(SELECT m.id");
                push_source(&mut query, Some(*status));
                push_filters(&mut query, request, numbers, None);
                push_page(&mut query, request).push(")");
            }
            query.push("))");
        }
    }
    push_page(&mut query, request);
    query
}

/// The statement for the part of a page, of one status at most, that is not older than a message.
pub(crate) fn statement_down_to(
    request: &ListRequest,
    numbers: NumberReader,
    source: Source,
    end: Option<MessageId>,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(row::WHOLE_MESSAGE);
    push_chunk(&mut query, source, request.statuses.first().copied());
    push_filters(&mut query, request, numbers, end);
    push_page(&mut query, request);
    query
}

/// The statement for a page of messages that are queued or being sent, if there are few of them.
pub(crate) fn statement_of_few(
    request: &ListRequest,
    numbers: NumberReader,
    status: Status,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(row::WHOLE_MESSAGE);
    push_source_of_few(&mut query, status);
    push_filters(&mut query, request, numbers, None);
    push_page(&mut query, request);
    query
}

/// The statement for the number of such messages.
pub(crate) fn count_statement_of_few(
    request: &ListRequest,
    numbers: NumberReader,
    status: Status,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("SELECT count(*)");
    push_source_of_few(&mut query, status);
    push_filters(&mut query, request, numbers, None);
    query
}

/// The statement for the number of messages, of one status at most, that are not older than a
/// message.
pub(crate) fn count_statement_down_to(
    request: &ListRequest,
    numbers: NumberReader,
    source: Source,
    end: Option<MessageId>,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("SELECT count(*)");
    push_chunk(&mut query, source, request.statuses.first().copied());
    push_filters(&mut query, request, numbers, end);
    query
}

fn push_source_of_few(query: &mut QueryBuilder<Postgres>, status: Status) {
    push_source(query, Some(status));
    // The condition comes twice, so that the planner does not search all messages for a page of
    // them.
    query
        .push(" AND s.id = ANY (ARRAY(SELECT id FROM states WHERE status = ")
        .push(status.number())
        .push("))");
}

/// The messages of a chunk. Those of one status are looked up one by one: the planner expects a
/// single row in so short a range of ids, and would compare each state with each message.
fn push_chunk(query: &mut QueryBuilder<Postgres>, source: Source, status: Option<Status>) {
    let Some(status) = status else { return push_source(query, None) };
    query.push(if source == Source::State {
        concat!(" FROM states AS s", its_message!(), "WHERE s.status = ")
    } else {
        concat!(" FROM messages AS m", its_state!(), "WHERE s.status = ")
    });
    query.push(status.number());
}

fn push_source(query: &mut QueryBuilder<Postgres>, status: Option<Status>) {
    query.push(" FROM messages AS m JOIN states AS s ON s.id = m.id WHERE ");
    match status {
        // As literals: a partial index is not used for a status that is bound. Queued and sending
        // messages have indexes in another order; they are sorted, or searched for among the newest
        // messages, whichever is less work.
        Some(status) => query.push("s.status = ").push(status.number()),
        None => query.push("TRUE"),
    };
}

fn push_filters(
    query: &mut QueryBuilder<Postgres>,
    request: &ListRequest,
    numbers: NumberReader,
    end: Option<MessageId>,
) {
    if let Scope::Owner(owner) = &request.scope {
        query.push(" AND m.owner = ").push_bind(name(owner).into_owned());
    }
    if let Some(after) = request.after {
        query.push(" AND m.id < ").push_bind(uuid(after));
        if !request.statuses.is_empty() {
            // The condition is on both tables, so that the index of either can start there.
            query.push(" AND s.id < ").push_bind(uuid(after));
        }
    }
    if let Some(end) = end {
        query.push(" AND m.id >= ").push_bind(uuid(end));
        if !request.statuses.is_empty() {
            query.push(" AND s.id >= ").push_bind(uuid(end));
        }
    }
    if let Some(to) = request.to {
        // A phone number has 15 digits at most.
        query.push(" AND m.to_number = ").push_bind(to.digits().cast_signed());
    }
    if let Some(class) = request.class {
        query.push(" AND m.class = ").push_bind(i16::from(class.number()));
    }
    if let Some(reference) = &request.reference {
        query.push(" AND m.reference = ").push_bind(name(reference).into_owned());
    }
    if let Some(code) = request.code {
        query.push(" AND s.code = ").push_bind(code);
    }
    if let Some(id) = request.resend_of {
        query.push(concat!(" AND ", resend_of!())).push_bind(id.to_string());
    }
    if let Some(route) = &request.route {
        if *route != Route::DEFAULT {
            // For the partial index.
            query.push(" AND m.route <> 'default'");
        }
        query.push(" AND m.route = ").push_bind(route.as_str().to_owned());
    }
    if let Some(provider) = &request.provider {
        query.push(" AND s.provider = ").push_bind(name(provider).into_owned());
    }
    if let Some(from) = request.from_time {
        query.push(" AND s.created_at >= ").push_bind(datetime_to_ms(from));
    }
    if let Some(to) = request.to_time {
        query.push(" AND s.created_at < ").push_bind(datetime_to_ms(to));
    }
    if let Some(search) = &request.search {
        // `position`, because LIKE has wildcards.
        query.push(" AND (position(").push_bind(clean(search).into_owned()).push(" IN m.text) > 0");
        for digits in numbers.search_digits(search) {
            query.push(" OR position(").push_bind(digits).push(" IN m.to_number::text) > 0");
        }
        query.push(")");
    }
}

fn push_page<'q>(
    query: &'q mut QueryBuilder<Postgres>,
    request: &ListRequest,
) -> &'q mut QueryBuilder<Postgres> {
    // Also a literal: the planner takes an unknown limit for a tenth of everything.
    query.push(" ORDER BY m.id DESC LIMIT ").push(rows(request.limit))
}
