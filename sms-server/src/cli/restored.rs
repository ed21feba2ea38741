//! `restored`: after a backup was restored, holds what may have been sent since it was taken.

use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::json;
use sms_core::registry::Expect;
use sms_core::store::{BulkAction, BulkChange, BulkResult, ListRequest};
use sms_core::{ErrorKind, MessageId, Registry, Status, Store};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::alive::alive_workers;
use crate::adapters::{OpenStore, open_store};
use crate::config::Config;
use crate::keys::now;
use crate::output::print;
use crate::store_marks;

/// The kind of the records that tell when each restored backup was announced.
const KIND: &str = "restored_backup";
/// The name of the operator in the timeline of the messages.
const BY: &str = "sms-server restored";
/// Messages that are held in one transaction.
const BATCH: usize = 500;
/// Time that one page may take. Then the next one goes on.
const BUDGET: Duration = Duration::from_secs(1);

/// Arguments of `restored`.
#[derive(Debug, Args)]
pub struct RestoredCommand {
    /// The time at which the backup was taken: 2026-12-31T09:30:00+03:00 [default: the time in the
    /// backup, which those of `sms-server backup` have for SQLite]
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<OffsetDateTime>,
    /// The store was only moved or upgraded: nothing was sent from it elsewhere, nothing is held
    #[arg(long, conflicts_with = "from")]
    unchanged: bool,
    /// Do it although a worker seems to be running on this store
    #[arg(long)]
    force: bool,
}

fn time(text: &str) -> Result<OffsetDateTime, String> {
    let rule = || "must be a time with its offset, such as 2026-12-31T09:30:00+03:00".to_owned();
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| rule())
}

/// Runs the command on the store of this configuration.
///
/// # Errors
///
/// An unknown time of the backup; a running worker; the store's.
pub(crate) async fn run(config: &Config, command: RestoredCommand) -> anyhow::Result<()> {
    let OpenStore { store, registry, identity, .. } = open_store(config).await?;
    if !command.force {
        let alive = alive_workers(&registry).await?;
        if let Some(name) = alive.first() {
            bail!(
                "the worker {name} is running on this store: stop every process first, or give \
                 --force if it is gone"
            );
        }
    }
    let registry = &*registry;
    if command.unchanged {
        store_marks::release(registry, identity.as_deref()).await?;
        return print("The store is taken as the one that was in use: nothing is held.");
    }
    let marked = store_marks::backup_time(registry).await?;
    let Some(from) = command.from.or(marked) else {
        bail!("give the time at which the backup was taken: --from 2026-12-31T09:30:00+03:00");
    };
    if from > now() {
        bail!("--from: the backup cannot have been taken in the future");
    }
    // In UTC: the same moment is the same job.
    let from = from.to_offset(time::UtcOffset::UTC);
    let announced = announce(registry, from, identity.as_deref()).await?;
    let is_other = marked.is_some_and(|marked| marked != from);
    if announced.is_known && (announced.is_elsewhere || is_other) {
        bail!(
            "--from: the store was restored from a backup of that time before, and is one of \
             another time now"
        );
    }
    let (from, due_until) = (from.format(&Rfc3339)?, announced.at);
    let counts = hold_due(&*store, &from, due_until).await?;
    // Last: until then no server starts, so this can be run again after a kill.
    store_marks::release(registry, identity.as_deref()).await?;
    print(&format!(
        "Held as unknown: {}. These waited or were being sent in the backup of {from}, so they \
         may have been sent since; find out and settle them. Still queued for later: {}. \
         Idempotency keys and cancellations since the backup are lost.",
        counts.held, counts.later
    ))
}

/// The record of a restored backup.
#[derive(Debug)]
struct Announced {
    /// Time of the first run for this backup, by the store's clock. What is due later was accepted
    /// by the restored store, or is to be sent by it.
    at: OffsetDateTime,
    /// True if there was a record.
    is_known: bool,
    /// True if it was made in other tables: the record itself is from a backup.
    is_elsewhere: bool,
}

async fn announce(
    registry: &dyn Registry,
    from: OffsetDateTime,
    identity: Option<&str>,
) -> anyhow::Result<Announced> {
    let name = from.format(&Rfc3339)?;
    let written = registry.put(KIND, &name, &json!({ "tables": identity }), Expect::Absent).await;
    let is_known = match written {
        Ok(_) => false,
        Err(error) if error.kind() == ErrorKind::Conflict => true,
        Err(error) => return Err(error.into()),
    };
    let record = registry.get(KIND, &name).await?.context("the record of the backup is gone")?;
    let is_elsewhere = record.value["tables"].as_str() != identity;
    Ok(Announced { at: record.updated_at, is_known, is_elsewhere })
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    held: usize,
    later: usize,
}

/// Holds every message that was due until then and has not ended, in batches. Each is held once.
async fn hold_due(
    store: &dyn Store,
    from: &str,
    due_until: OffsetDateTime,
) -> anyhow::Result<Counts> {
    let reason = format!("restored from a backup of {from}: it may have been sent since");
    let action = BulkAction::HoldRestored { reason };
    let (mut counts, mut after): (Counts, Option<MessageId>) = (Counts::default(), None);
    loop {
        let request = ListRequest::new(BATCH).statuses([Status::Queued, Status::Sending]);
        let page = store.list(&request.after(after).budget(BUDGET)).await?;
        let last = page.messages.last().map(|stored| stored.message.id);
        let next = match page.searched_to {
            Some(searched) => Some(searched.id),
            None => last.filter(|_| page.messages.len() >= BATCH),
        };
        let (now, later): (Vec<_>, Vec<_>) = page.messages.into_iter().partition(|stored| {
            stored.state.status == Status::Sending || stored.state.due_at <= due_until
        });
        counts.later += later.len();
        let ids: Vec<MessageId> = now.iter().map(|stored| stored.message.id).collect();
        if !ids.is_empty() {
            let request = BulkChange::new(format!("restored {from}"), ids, action.clone(), BY);
            let results = store.change_all(request).await?;
            let is_held = |result: &&BulkResult| **result == BulkResult::Done(Status::Unknown);
            counts.held += results.iter().filter(is_held).count();
        }
        let Some(next) = next else { return Ok(counts) };
        after = Some(next);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sms_core::store::{MessageRequest, Resolution, ResolveRequest};
    use sms_core::{Archive as _, MemoryRegistry, MemoryStore, Message, Sender};
    use time::Duration;

    use super::*;

    #[tokio::test]
    async fn what_was_due_is_held_once_and_the_future_stays_queued() {
        let store = Arc::new(MemoryStore::new());
        let sender = Sender::builder(store.clone()).build();
        let send = async |n: usize, at: Option<OffsetDateTime>| {
            let message = Message::new(format!("+7925{n:07}"), "x");
            sender.send(at.into_iter().fold(message, Message::send_at)).await.unwrap()
        };
        let tomorrow = now() + Duration::DAY;
        let mut due = Vec::new();
        for n in 0..=BATCH {
            due.push(send(n, None).await);
        }
        let later = send(BATCH + 1, Some(tomorrow)).await;
        let soon = now() + Duration::SECOND;
        let counts = hold_due(&*store, "2026", soon).await.unwrap();
        assert_eq!(counts, Counts { held: BATCH + 1, later: 1 });
        let status = async |id| {
            let found = store.get(&MessageRequest::new(id)).await.unwrap();
            found.unwrap().state.status
        };
        assert_eq!((status(due[0]).await, status(later).await), (Status::Unknown, Status::Queued));
        // An operator knows that it was not sent. A second run does not hold it again.
        let resend = ResolveRequest::new(due[0], Resolution::Resend, "olga", "not sent");
        store.resolve(resend).await.unwrap();
        let counts = hold_due(&*store, "2026", soon + Duration::HOUR).await.unwrap();
        assert_eq!(counts, Counts { held: 0, later: 1 });
        assert_eq!(status(due[0]).await, Status::Queued);
    }

    #[tokio::test]
    async fn a_record_that_came_with_a_backup_is_of_another_restore() {
        let (registry, at) = (MemoryRegistry::new(), OffsetDateTime::UNIX_EPOCH);
        let first = announce(&registry, at, Some("1-2")).await.unwrap();
        assert!(!first.is_known);
        let again = announce(&registry, at, Some("1-2")).await.unwrap();
        assert_eq!((again.is_known, again.is_elsewhere, again.at), (true, false, first.at));
        assert!(announce(&registry, at, Some("3-4")).await.unwrap().is_elsewhere);
    }
}
