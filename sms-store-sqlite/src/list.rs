//! Pages of messages, newest first.

use sms_core::clock::datetime_to_ms;
use sms_core::store::ListRequest;
use sms_core::{Result, Scope, Status, StoredMessage};
use sqlx::{QueryBuilder, Sqlite};

use crate::claim::rows;
use crate::error::from_sqlx;
use crate::row;
use crate::sql;
use crate::store::SqliteStore;

pub(crate) async fn list(store: &SqliteStore, request: &ListRequest) -> Result<Vec<StoredMessage>> {
    let mut query = statement(request);
    let found = store
        .read(move |conn| Box::pin(async move { query.build().fetch_all(conn).await.map_err(from_sqlx) }))
        .await?;
    found.iter().map(row::stored_message).collect()
}

/// The statement for a page.
///
/// Number, reference, owner and state each have an index that ends in the id, so that a page is read from it in order,
/// and nothing is sorted. Several states are several such reads, cut to a page each.
pub(crate) fn statement(request: &ListRequest) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(sql::MESSAGE_COLUMNS);
    match request.statuses.as_slice() {
        [] => {
            query.push(" FROM messages WHERE TRUE");
            push_filters(&mut query, request);
        }
        [status] => {
            push_status(&mut query, request, *status);
            push_filters(&mut query, request);
        }
        statuses => {
            query.push(" FROM messages WHERE id IN (");
            for (index, status) in statuses.iter().enumerate() {
                query.push(if index > 0 { " UNION ALL " } else { "" });
                query.push("SELECT id FROM (SELECT id");
                push_status(&mut query, request, *status);
                push_filters(&mut query, request);
                push_page(&mut query, request).push(")");
            }
            query.push(")");
        }
    }
    push_page(&mut query, request);
    query
}

/// One state, and by which index to find it: SQLite itself would guess, for it keeps no statistics.
fn push_status(query: &mut QueryBuilder<Sqlite>, request: &ListRequest, status: Status) {
    let narrower = request.to.is_some() || request.reference.is_some();
    // Most messages of anybody end as these, so a page of them is found fast among one's own.
    let common = matches!(status, Status::Sent | Status::Delivered);
    let source = if narrower || common && request.scope != Scope::All {
        // `+`: not by the state.
        " FROM messages WHERE +status = "
    } else if status == Status::Sending {
        // Few at any time; their index has another order, so they are sorted.
        " FROM messages INDEXED BY messages_look WHERE look_at IS NOT NULL AND status = "
    } else {
        " FROM messages INDEXED BY messages_status WHERE status <> 1 AND status = "
    };
    // As a literal: a partial index is not used for a state that is bound.
    query.push(source).push(status.number());
}

fn push_filters(query: &mut QueryBuilder<Sqlite>, request: &ListRequest) {
    if let Scope::Owner(owner) = &request.scope {
        query.push(" AND owner = ").push_bind(owner.clone());
    }
    if let Some(after) = request.after {
        query.push(" AND id < ").push_bind(after.as_bytes().to_vec());
    }
    if let Some(to) = request.to {
        // A phone number has 15 digits at most.
        query.push(" AND to_number = ").push_bind(to.digits().cast_signed());
    }
    if let Some(class) = request.class {
        query.push(" AND class = ").push_bind(class.as_str());
    }
    if let Some(reference) = &request.reference {
        query.push(" AND reference = ").push_bind(reference.clone());
    }
    if let Some(from) = request.from_time {
        query.push(" AND created_at >= ").push_bind(datetime_to_ms(from));
    }
    if let Some(to) = request.to_time {
        query.push(" AND created_at < ").push_bind(datetime_to_ms(to));
    }
    if let Some(search) = &request.search {
        // `instr`, because LIKE has wildcards and does not tell upper from lower case.
        query.push(" AND (instr(text, ").push_bind(search.clone()).push(") > 0");
        if let Some(digits) = request.search_digits() {
            query.push(" OR instr(to_number, ").push_bind(digits).push(") > 0");
        }
        query.push(")");
    }
}

fn push_page<'q>(query: &'q mut QueryBuilder<Sqlite>, request: &ListRequest) -> &'q mut QueryBuilder<Sqlite> {
    query.push(" ORDER BY id DESC LIMIT ").push_bind(rows(request.limit))
}
