//! The statements for pages of messages.

use sms_core::clock::datetime_to_ms;
use sms_core::store::ListRequest;
use sms_core::{MessageId, NumberReader, Scope, Status};
use sqlx::{Postgres, QueryBuilder};

use crate::sql;
use crate::sql::args::{clean, name, rows, uuid};

/// The statement for a page.
///
/// Number, reference, owner and state each have an index that ends in the id, so that a page is
/// read from it in order, and nothing is sorted. Several states are several such reads, cut to a
/// page each.
pub(crate) fn statement(request: &ListRequest, numbers: NumberReader) -> QueryBuilder<Postgres> {
    statement_down_to(request, numbers, None)
}

/// The statement for the part of a page that is not older than a message.
pub(crate) fn statement_down_to(
    request: &ListRequest,
    numbers: NumberReader,
    end: Option<MessageId>,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(sql::WHOLE_MESSAGE);
    match request.statuses.as_slice() {
        [] => {
            push_source(&mut query, None);
            push_filters(&mut query, request, numbers, end);
        }
        [status] => {
            push_source(&mut query, Some(*status));
            push_filters(&mut query, request, numbers, end);
        }
        statuses => {
            push_source(&mut query, None);
            query.push(" AND m.id = ANY (ARRAY(");
            for (index, status) in statuses.iter().enumerate() {
                query.push(if index > 0 { " UNION ALL " } else { "" });
                query.push("(SELECT m.id");
                push_source(&mut query, Some(*status));
                push_filters(&mut query, request, numbers, end);
                push_page(&mut query, request).push(")");
            }
            query.push("))");
        }
    }
    push_page(&mut query, request);
    query
}

/// The statement for a page of what waits or is being sent, where that is little.
pub(crate) fn statement_of_few(
    request: &ListRequest,
    numbers: NumberReader,
    status: Status,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(sql::WHOLE_MESSAGE);
    push_source(&mut query, Some(status));
    // Said twice, so that the planner does not look for a page of them among all messages.
    query
        .push(" AND s.id = ANY (ARRAY(SELECT id FROM states WHERE status = ")
        .push(status.number())
        .push("))");
    push_filters(&mut query, request, numbers, None);
    push_page(&mut query, request);
    query
}

fn push_source(query: &mut QueryBuilder<Postgres>, status: Option<Status>) {
    query.push(" FROM messages AS m JOIN states AS s ON s.id = m.id WHERE ");
    match status {
        // As literals: a partial index is not used for a state that is bound. What waits or is
        // being sent has indexes in another order; they are sorted, or looked for among the newest,
        // whichever is less.
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
            // Said of both, so that the index of either can begin there.
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
    // A literal, too: the planner takes a limit it does not know for a tenth of everything.
    query.push(" ORDER BY m.id DESC LIMIT ").push(rows(request.limit))
}
