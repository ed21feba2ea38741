//! What people do to messages: calling one back, settling an unknown one.

use rusqlite::{Connection, params};
use sms_core::store::transition::{NewEvent, Standing, impossible};
use sms_core::store::{CancelRequest, Resolution, ResolveRequest, provider_id_taken};
use sms_core::{Error, ErrorKind, MessageId, Result, Scope, Status};

use crate::error::Done;
use crate::ledger::Ledger;
use crate::receipts::join_parked;
use crate::sql;
use crate::store::SqliteStore;

pub(crate) async fn resolve(store: &SqliteStore, request: ResolveRequest) -> Result<Status> {
    store.write(move |conn, now| resolve_one(conn, now, request)).await
}

fn resolve_one(conn: &Connection, now: i64, request: ResolveRequest) -> Done<Status> {
    let ResolveRequest { id, scope, resolution, by, reason } = request;
    let named = match &resolution {
        Resolution::Sent { provider_id } => provider_id.clone(),
        Resolution::Failed | Resolution::Resend => None,
    };
    let mut ledger = take_one(conn, now, id, &scope, Status::Unknown)?;
    change_one(&mut ledger, id, |standing, now| standing.resolve(now, resolution, by, reason))?;
    let provider = ledger.row(id).and_then(|row| row.standing.provider.clone());
    if let Some((provider, provider_id)) = provider.zip(named) {
        let mut taken = conn.prepare_cached(sql::IS_TAKEN)?;
        if taken.query_row(params![provider_id, provider], |row| row.get(0))? {
            return Err(provider_id_taken().into());
        }
        join_parked(conn, &mut ledger, id, &provider, &provider_id)?;
    }
    finish(conn, ledger, id)
}

pub(crate) async fn cancel(store: &SqliteStore, request: CancelRequest) -> Result<Status> {
    store.write(move |conn, now| cancel_one(conn, now, request)).await
}

fn cancel_one(conn: &Connection, now: i64, request: CancelRequest) -> Done<Status> {
    let CancelRequest { id, scope, by } = request;
    let mut ledger = take_one(conn, now, id, &scope, Status::Queued)?;
    change_one(&mut ledger, id, |standing, now| standing.cancel(now, by))?;
    finish(conn, ledger, id)
}

fn change_one(
    ledger: &mut Ledger,
    id: MessageId,
    change: impl FnOnce(&mut Standing, i64) -> Option<NewEvent>,
) -> Done<()> {
    let changed = ledger.change(id, |standing, now| {
        let event = change(standing, now);
        (event.is_some(), event)
    });
    if changed == Some(true) { Ok(()) } else { Err(impossible().into()) }
}

/// Takes one row in hand, where the scope admits it and it is in the state the change needs.
fn take_one(
    conn: &Connection,
    now: i64,
    id: MessageId,
    scope: &Scope,
    needed: Status,
) -> Done<Ledger> {
    let mut ledger = Ledger::new(now);
    ledger.load(conn, sql::LOAD, [id.as_bytes()])?;
    let row = ledger.row(id).filter(|row| scope.admits(row.owner.as_deref()));
    let status = row.ok_or_else(not_found)?.standing.status;
    if status != needed {
        let moved = format!("the message is {status}, not {needed}");
        return Err(Error::new(ErrorKind::Conflict, moved).into());
    }
    Ok(ledger)
}

/// Writes what was changed: the message's state after it.
fn finish(conn: &Connection, ledger: Ledger, id: MessageId) -> Done<Status> {
    let status = ledger.row(id).ok_or_else(not_found)?.standing.status;
    ledger.write(conn)?;
    Ok(status)
}

fn not_found() -> Error {
    Error::new(ErrorKind::NotFound, "no such message")
}
