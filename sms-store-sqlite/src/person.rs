//! What people do to messages: calling one back, settling an unknown one.

use sms_core::store::{CancelRequest, ResolveRequest};
use sms_core::transition::{NewEvent, Standing};
use sms_core::{Error, ErrorKind, MessageId, Result, Scope, Status};
use sqlx::SqliteConnection;

use crate::args::id_list;
use crate::error::from_sqlx;
use crate::ledger::Ledger;
use crate::sql;
use crate::store::SqliteStore;

pub(crate) async fn resolve(store: &SqliteStore, request: ResolveRequest) -> Result<Status> {
    let ResolveRequest { id, scope, resolution, by, reason } = request;
    let then = move |standing: &mut Standing, now| standing.resolve(now, resolution, by, reason);
    store
        .write_together(move |conn, now| Box::pin(change_one(conn, now, id, scope, Status::Unknown, then)))
        .await
}

pub(crate) async fn cancel(store: &SqliteStore, request: CancelRequest) -> Result<Status> {
    let CancelRequest { id, scope, by } = request;
    let then = move |standing: &mut Standing, now| standing.cancel(now, by);
    store
        .write_together(move |conn, now| Box::pin(change_one(conn, now, id, scope, Status::Queued, then)))
        .await
}

/// Changes one row, where the scope admits it and it is in the state the change needs.
async fn change_one(
    conn: &mut SqliteConnection,
    now: i64,
    id: MessageId,
    scope: Scope,
    needed: Status,
    then: impl FnOnce(&mut Standing, i64) -> NewEvent + Send,
) -> Result<Status> {
    let rows = sqlx::query(sql::LOAD).bind(id_list([&id])).fetch_all(&mut *conn).await.map_err(from_sqlx)?;
    let mut ledger = Ledger::new(now);
    ledger.take(&rows)?;
    let row = ledger.row(id).filter(|row| scope.admits(row.owner.as_deref()));
    let not_found = || Error::new(ErrorKind::NotFound, "no such message");
    let status = row.ok_or_else(not_found)?.standing.status;
    if status != needed {
        return Err(Error::new(ErrorKind::Conflict, format!("the message is {status}, not {needed}")));
    }
    let after = ledger.change(id, |standing, now| {
        let event = then(standing, now);
        (standing.status, Some(event))
    });
    ledger.write(conn).await?;
    after.ok_or_else(not_found)
}
