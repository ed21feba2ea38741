//! What time does to messages: leases that are over, deadlines that are past, receipts that do not
//! come.

use rusqlite::{Connection, params};
use sms_core::provider::{Polling, ProviderRef};
use sms_core::store::transition::{NewEvent, Standing};
use sms_core::{MessageId, Result};

use crate::claim::rows;
use crate::error::Done;
use crate::ledger::Ledger;
use crate::sql;
use crate::store::SqliteStore;

pub(crate) async fn rescue(store: &SqliteStore, limit: usize) -> Result<Vec<MessageId>> {
    store
        .write(move |conn, now| sweep(conn, now, sql::LOAD_LEASE_OVER, limit, Standing::rescue))
        .await
}

pub(crate) async fn expire(store: &SqliteStore, limit: usize) -> Result<Vec<MessageId>> {
    store
        .write(move |conn, now| sweep(conn, now, sql::LOAD_PAST_DEADLINE, limit, Standing::expire))
        .await
}

/// Moves the rows for which the guard in `load` holds. Read and write are under one write lock, so
/// the guard still holds when they are written.
fn sweep(
    conn: &Connection,
    now: i64,
    load: &'static str,
    limit: usize,
    then: fn(&mut Standing, i64) -> Option<NewEvent>,
) -> Done<Vec<MessageId>> {
    let (mut ledger, ids) = load_some(conn, now, load, limit)?;
    let moved = |id: &MessageId| {
        let change = |standing: &mut Standing, now| {
            let event = then(standing, now);
            (event.is_some(), event)
        };
        ledger.change(*id, change) == Some(true)
    };
    let ids = ids.into_iter().filter(moved).collect();
    ledger.write(conn)?;
    Ok(ids)
}

pub(crate) async fn awaiting_receipt(
    store: &SqliteStore,
    polling: Polling,
    limit: usize,
) -> Result<Vec<ProviderRef>> {
    store.write(move |conn, now| plan_queries(conn, now, polling, limit)).await
}

fn plan_queries(
    conn: &Connection,
    now: i64,
    polling: Polling,
    limit: usize,
) -> Done<Vec<ProviderRef>> {
    let (mut ledger, ids) = load_some(conn, now, sql::LOAD_AWAITING, limit)?;
    let plan = |standing: &mut Standing, now| {
        let given_up = standing.plan_query(now, &polling);
        let asked = standing
            .provider
            .clone()
            .zip(standing.provider_id.clone())
            .filter(|_| given_up.is_none());
        (asked.map(|(provider, provider_id)| ProviderRef { provider, provider_id }), given_up)
    };
    let refs = ids.iter().filter_map(|id| ledger.change(*id, plan).flatten()).collect();
    ledger.write(conn)?;
    Ok(refs)
}

fn load_some(
    conn: &Connection,
    now: i64,
    load: &'static str,
    limit: usize,
) -> Done<(Ledger, Vec<MessageId>)> {
    let mut ledger = Ledger::new(now);
    let ids = ledger.load(conn, load, params![now, rows(limit)])?;
    Ok((ledger, ids))
}
