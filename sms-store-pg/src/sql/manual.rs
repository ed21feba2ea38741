//! Changes by people: cancelling a message, resolving an unknown one.

use sms_core::provider::ProviderRef;
use sms_core::store::{BulkChange, BulkResult, CancelRequest, ResolveRequest, provider_id_taken};
use sms_core::{ErrorKind, Result, Status};

use crate::database::Database;
use crate::sql::args::{name, uuids};
use crate::sql::ledger;
use crate::sql::receipts::join_parked;
use crate::sql::row::Columns;
use crate::transaction::Transaction;

pub(crate) async fn resolve(database: &Database, request: ResolveRequest) -> Result<Status> {
    let mut transaction = database.begin_transaction().await?;
    let resolved = resolve_one(&mut transaction, request).await;
    end(transaction, resolved).await
}

/// True if a message has this provider id. $1 provider id, $2 provider.
pub(crate) const IS_TAKEN: &str = "\
    SELECT EXISTS (SELECT FROM states WHERE provider_id = $1 AND provider = $2) \
        OR EXISTS (SELECT FROM aliases WHERE provider_id = $1 AND provider = $2)";

async fn resolve_one(transaction: &mut Transaction, request: ResolveRequest) -> Result<Status> {
    let id = request.id;
    let mut ledger = ledger::load(transaction, [&id]).await?;
    if let Some(ProviderRef { provider, provider_id, .. }) = ledger.resolve(request)? {
        let taken = sqlx::query(IS_TAKEN).bind(name(&provider_id)).bind(name(&provider));
        if transaction.is_true(taken).await? {
            return Err(provider_id_taken());
        }
        join_parked(transaction, &mut ledger, id, &provider, &provider_id).await?;
    }
    let status = ledger.status(id)?;
    ledger::write(transaction, ledger).await?;
    Ok(status)
}

pub(crate) async fn cancel(database: &Database, request: CancelRequest) -> Result<Status> {
    let mut transaction = database.begin_transaction().await?;
    let cancelled = cancel_one(&mut transaction, request).await;
    end(transaction, cancelled).await
}

async fn cancel_one(transaction: &mut Transaction, request: CancelRequest) -> Result<Status> {
    let mut ledger = ledger::load(transaction, [&request.id]).await?;
    let status = ledger.cancel(request)?;
    ledger::write(transaction, ledger).await?;
    Ok(status)
}

pub(crate) async fn change_all(
    database: &Database,
    request: BulkChange,
) -> Result<Vec<BulkResult>> {
    let mut transaction = database.begin_transaction().await?;
    let changed = change_each(&mut transaction, &request).await;
    end(transaction, changed).await
}

/// Those of these messages that a job has changed. $1 ids, $2 job.
pub(crate) const CHANGED: &str = "\
    SELECT ids.id FROM unnest($1::uuid[]) AS ids (id) WHERE EXISTS (SELECT FROM events AS e \
        WHERE e.message_id = ids.id AND e.details::json ->> 'job' = $2)";

async fn change_each(
    transaction: &mut Transaction,
    request: &BulkChange,
) -> Result<Vec<BulkResult>> {
    let mut ledger = ledger::load(transaction, &request.ids).await?;
    // After the rows are locked: an earlier call of the job that is still running has them.
    let query = sqlx::query(CHANGED).bind(uuids(&request.ids)).bind(name(&request.job));
    let changed = transaction.rows(query).await?;
    let changed = changed.iter().map(|row| Columns::new(row).id()).collect::<Result<_>>()?;
    let results = ledger.change_all(request, changed);
    ledger::write(transaction, ledger).await?;
    Ok(results)
}

/// Commits a change that was made; rolls back one that was refused.
async fn end<T>(transaction: Transaction, done: Result<T>) -> Result<T> {
    match &done {
        Ok(_) => transaction.commit().await?,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Conflict) => {
            transaction.roll_back().await?;
        }
        // The state of the connection is not known: it is closed.
        Err(_) => drop(transaction),
    }
    done
}
