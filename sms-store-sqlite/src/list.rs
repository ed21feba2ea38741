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
/// Each filter that can be selective (states, number, owner, reference) has an index that ends in the id, so that a page is
/// read from it in order, and nothing is sorted. Several states are several such reads, cut to a page each.
fn statement(request: &ListRequest) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(sql::MESSAGE_COLUMNS).push(" FROM messages");
    match request.statuses.as_slice() {
        [] => {
            query.push(" WHERE TRUE");
            push_filters(&mut query, request);
        }
        [status] => {
            push_status(&mut query, *status);
            push_filters(&mut query, request);
        }
        statuses => {
            query.push(" WHERE id IN (");
            for (index, status) in statuses.iter().enumerate() {
                query.push(if index > 0 { " UNION ALL " } else { "" });
                query.push("SELECT id FROM (SELECT id FROM messages");
                push_status(&mut query, *status);
                push_filters(&mut query, request);
                push_page(&mut query, request).push(")");
            }
            query.push(")");
        }
    }
    push_page(&mut query, request);
    query
}

fn push_status(query: &mut QueryBuilder<Sqlite>, status: Status) {
    // As a literal, and with the index's own condition, without which SQLite would not use it.
    query.push(" WHERE status = ").push(status.number());
    if status != Status::Sending {
        query.push(" AND status <> 1");
    }
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

fn push_page<'q>(
    query: &'q mut QueryBuilder<Sqlite>,
    request: &ListRequest,
) -> &'q mut QueryBuilder<Sqlite> {
    query.push(" ORDER BY id DESC LIMIT ").push_bind(rows(request.limit))
}
