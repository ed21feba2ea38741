//! What people do to messages: calling one back, settling an unknown one.

use sms_core::store::{CancelRequest, Resolution, ResolveRequest, provider_id_taken};
use sms_core::{Error, ErrorKind, MessageId, Result, Scope, Status};
use sqlx::{Row as _, SqliteConnection};

use crate::args::id_list;
use crate::error::from_sqlx;
use crate::ledger::Ledger;
use crate::receipts::join_parked;
use crate::sql;
use crate::store::SqliteStore;

pub(crate) async fn resolve(store: &SqliteStore, request: ResolveRequest) -> Result<Status> {
    store.write(move |conn, now| Box::pin(resolve_one(conn, now, request))).await
}

async fn resolve_one(conn: &mut SqliteConnection, now: i64, request: ResolveRequest) -> Result<Status> {
    let ResolveRequest { id, scope, resolution, by, reason } = request;
    let named = match &resolution {
        Resolution::Sent { provider_id } => provider_id.clone(),
        Resolution::Failed | Resolution::Resend => None,
    };
    let mut ledger = take_one(conn, now, id, &scope, Status::Unknown).await?;
    ledger.change(id, |standing, now| ((), Some(standing.resolve(now, resolution, by, reason))));
    let provider = ledger.row(id).and_then(|row| row.standing.provider.clone());
    if let Some((provider, provider_id)) = provider.zip(named) {
        let taken = sqlx::query(sql::IS_TAKEN).bind(provider_id.clone()).bind(provider.clone());
        if taken.fetch_one(&mut *conn).await.and_then(|row| row.try_get(0)).map_err(from_sqlx)? {
            return Err(provider_id_taken());
        }
        join_parked(conn, &mut ledger, id, &provider, &provider_id).await?;
    }
    finish(conn, ledger, id).await
}

pub(crate) async fn cancel(store: &SqliteStore, request: CancelRequest) -> Result<Status> {
    store.write(move |conn, now| Box::pin(cancel_one(conn, now, request))).await
}

async fn cancel_one(conn: &mut SqliteConnection, now: i64, request: CancelRequest) -> Result<Status> {
    let CancelRequest { id, scope, by } = request;
    let mut ledger = take_one(conn, now, id, &scope, Status::Queued).await?;
    ledger.change(id, |standing, now| ((), Some(standing.cancel(now, by))));
    finish(conn, ledger, id).await
}

/// Takes one row in hand, where the scope admits it and it is in the state the change needs.
async fn take_one(
    conn: &mut SqliteConnection,
    now: i64,
    id: MessageId,
    scope: &Scope,
    needed: Status,
) -> Result<Ledger> {
    let rows = sqlx::query(sql::LOAD).bind(id_list([&id])).fetch_all(conn).await.map_err(from_sqlx)?;
    let mut ledger = Ledger::new(now);
    ledger.take(&rows)?;
    let row = ledger.row(id).filter(|row| scope.admits(row.owner.as_deref()));
    let status = row.ok_or_else(not_found)?.standing.status;
    if status != needed {
        return Err(Error::new(ErrorKind::Conflict, format!("the message is {status}, not {needed}")));
    }
    Ok(ledger)
}

/// Writes what was changed: the message's state after it.
async fn finish(conn: &mut SqliteConnection, ledger: Ledger, id: MessageId) -> Result<Status> {
    let status = ledger.row(id).ok_or_else(not_found)?.standing.status;
    ledger.write(conn).await?;
    Ok(status)
}

fn not_found() -> Error {
    Error::new(ErrorKind::NotFound, "no such message")
}
