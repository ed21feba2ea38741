//! What people do to messages: calling one back, settling an unknown one.

use sms_core::store::transition::impossible;
use sms_core::store::{CancelRequest, Resolution, ResolveRequest, provider_id_taken};
use sms_core::{Error, ErrorKind, MessageId, Result, Scope, Status};

use crate::args::name;
use crate::ledger::{Ledger, Together};
use crate::receipts::join_parked;
use crate::sql;
use crate::store::PgStore;

pub(crate) async fn resolve(store: &PgStore, request: ResolveRequest) -> Result<Status> {
    let mut together = store.together().await?;
    let resolved = resolve_one(&mut together, request).await;
    end(together, resolved).await
}

async fn resolve_one(together: &mut Together, request: ResolveRequest) -> Result<Status> {
    let ResolveRequest { id, scope, resolution, by, reason } = request;
    let named = match &resolution {
        Resolution::Sent { provider_id } => provider_id.clone(),
        Resolution::Failed | Resolution::Resend => None,
    };
    let mut ledger = take_one(together, id, &scope, Status::Unknown).await?;
    ledger
        .change(id, |standing, now| standing.resolve(now, resolution, by, reason))
        .ok_or_else(impossible)?;
    let provider = ledger.row(id).and_then(|row| row.standing.provider.clone());
    if let Some((provider, provider_id)) = provider.zip(named) {
        let (provider, provider_id) = (name(&provider), name(&provider_id));
        let taken = sqlx::query(sql::IS_TAKEN).bind(provider_id.as_ref()).bind(provider.as_ref());
        if together.is_so(taken).await? {
            return Err(provider_id_taken());
        }
        join_parked(together, &mut ledger, id, &provider, &provider_id).await?;
    }
    finish(together, ledger, id).await
}

pub(crate) async fn cancel(store: &PgStore, request: CancelRequest) -> Result<Status> {
    let mut together = store.together().await?;
    let cancelled = cancel_one(&mut together, request).await;
    end(together, cancelled).await
}

async fn cancel_one(together: &mut Together, request: CancelRequest) -> Result<Status> {
    let CancelRequest { id, scope, by } = request;
    let mut ledger = take_one(together, id, &scope, Status::Queued).await?;
    ledger.change(id, |standing, now| standing.cancel(now, by)).ok_or_else(impossible)?;
    finish(together, ledger, id).await
}

/// Commits what was done, or rolls back what was refused.
async fn end(together: Together, done: Result<Status>) -> Result<Status> {
    match &done {
        Ok(_) => together.commit().await?,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Conflict) => {
            together.roll_back().await?;
        }
        // Whatever happened to the connection, it is not used again.
        Err(_) => drop(together),
    }
    done
}

/// Takes one row in hand, where the scope admits it and it is in the state the change needs.
async fn take_one(
    together: &mut Together,
    id: MessageId,
    scope: &Scope,
    needed: Status,
) -> Result<Ledger> {
    let ledger = Ledger::load(together, [&id]).await?;
    let row = ledger.row(id).filter(|row| scope.admits(row.owner.as_deref()));
    let status = row.ok_or_else(not_found)?.standing.status;
    if status != needed {
        return Err(Error::new(
            ErrorKind::Conflict,
            format!("the message is {status}, not {needed}"),
        ));
    }
    Ok(ledger)
}

/// Writes what was changed: the message's state after it.
async fn finish(together: &mut Together, ledger: Ledger, id: MessageId) -> Result<Status> {
    let status = ledger.row(id).ok_or_else(not_found)?.standing.status;
    ledger.write(together).await?;
    Ok(status)
}

fn not_found() -> Error {
    Error::new(ErrorKind::NotFound, "no such message")
}
