//! Pages of messages, newest first.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use sms_core::clock::datetime_to_ms;
use sms_core::store::ListRequest;
use sms_core::{NumberReader, Result, Scope, Status, Store as _, StoredMessage};

use crate::claim::rows;
use crate::error::Done;
use crate::row;
use crate::sql;
use crate::store::SqliteStore;

/// Up to how many messages that wait are sorted to find the newest.
const FEW: usize = 10_000;

pub(crate) async fn list(store: &SqliteStore, request: &ListRequest) -> Result<Vec<StoredMessage>> {
    let (request, numbers) = (request.clone(), store.numbers());
    let list = move |conn: &Connection| {
        let many_wait = request.statuses.contains(&Status::Queued) && do_many_wait(conn)?;
        let Query { sql, values } = query(&request, numbers, many_wait);
        let mut list = conn.prepare_cached(&sql)?;
        list.query_and_then(params_from_iter(values), row::stored_message)?.collect()
    };
    store.read(list).await
}

fn do_many_wait(conn: &Connection) -> Done<bool> {
    let up_to = rows(FEW + 1);
    let waiting: i64 = conn.prepare_cached(sql::NUMBER_WAITING)?.query_row([up_to], |row| row.get(0))?;
    Ok(waiting == up_to)
}

/// A statement and its arguments.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pub(crate) sql: String,
    values: Vec<Value>,
}

impl Query {
    fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    fn bind(&mut self, sql: &str, value: impl Into<Value>) {
        self.push(sql);
        self.push("?");
        self.values.push(value.into());
    }
}

/// The statement for a page.
///
/// Number, reference, owner and the states of what is over each have an index that ends in the id, so that a page is read
/// from it in order, and nothing is sorted. Several states are several such reads, cut to a page each.
pub(crate) fn query(request: &ListRequest, numbers: NumberReader, many_wait: bool) -> Query {
    let mut query = Query::default();
    query.push("SELECT ");
    query.push(sql::MESSAGE_COLUMNS);
    match request.statuses.as_slice() {
        [] => {
            query.push(" FROM messages WHERE TRUE");
            push_filters(&mut query, request, numbers);
        }
        [status] if *status > Status::Sending => {
            push_status(&mut query, request, *status, many_wait);
            push_filters(&mut query, request, numbers);
        }
        statuses => {
            query.push(" FROM messages WHERE id IN (");
            for (index, status) in statuses.iter().enumerate() {
                query.push(if index > 0 { " UNION ALL " } else { "" });
                query.push("SELECT id FROM (SELECT id");
                push_status(&mut query, request, *status, many_wait);
                push_filters(&mut query, request, numbers);
                push_page(&mut query, request);
                query.push(")");
            }
            query.push(")");
        }
    }
    push_page(&mut query, request);
    query
}

/// One state, and by which index to find it: SQLite itself would guess, for it keeps no statistics. What waits or is being
/// sent has indexes in another order: the ids of few are sorted, many are looked for among the newest messages.
fn push_status(query: &mut Query, request: &ListRequest, status: Status, many_wait: bool) {
    let narrower = request.to.is_some() || request.reference.is_some();
    let source = match status {
        // `+`: not by the state.
        _ if narrower => " FROM messages WHERE +status = ",
        Status::Queued if many_wait => " FROM messages WHERE +status = ",
        Status::Queued => " FROM messages INDEXED BY messages_due WHERE status = ",
        Status::Sending => " FROM messages INDEXED BY messages_look WHERE look_at IS NOT NULL AND status = ",
        // Most messages of anybody end as these, so a page of them is found fast among one's own.
        Status::Sent | Status::Delivered if request.scope != Scope::All => " FROM messages WHERE +status = ",
        _ => " FROM messages INDEXED BY messages_status WHERE status > 1 AND status = ",
    };
    // As a literal: a partial index is not used for a state that is bound.
    query.push(source);
    query.push(&status.number().to_string());
}

fn push_filters(query: &mut Query, request: &ListRequest, numbers: NumberReader) {
    if let Scope::Owner(owner) = &request.scope {
        query.bind(" AND owner = ", owner.clone());
    }
    if let Some(after) = request.after {
        query.bind(" AND id < ", after.as_bytes().to_vec());
    }
    if let Some(to) = request.to {
        // A phone number has 15 digits at most.
        query.bind(" AND to_number = ", to.digits().cast_signed());
    }
    if let Some(class) = request.class {
        query.bind(" AND class = ", class.as_str().to_owned());
    }
    if let Some(reference) = &request.reference {
        query.bind(" AND reference = ", reference.clone());
    }
    if let Some(from) = request.from_time {
        query.bind(" AND created_at >= ", datetime_to_ms(from));
    }
    if let Some(to) = request.to_time {
        query.bind(" AND created_at < ", datetime_to_ms(to));
    }
    if let Some(search) = &request.search {
        // `instr`, because LIKE has wildcards and does not tell upper from lower case.
        query.bind(" AND (instr(text, ", search.clone());
        query.push(") > 0");
        for digits in numbers.search_digits(search) {
            query.bind(" OR instr(to_number, ", digits);
            query.push(") > 0");
        }
        query.push(")");
    }
}

fn push_page(query: &mut Query, request: &ListRequest) {
    query.bind(" ORDER BY id DESC LIMIT ", rows(request.limit));
}
