//! Removes selections, imports and jobs that are too old, with their items.

use std::time::Duration as Interval;

use sms_core::worklists::requests::DeleteItems;
use sms_core::{Result, Scope};
use time::Duration;
use tokio::time::{Instant, sleep};

use super::import::Import;
use super::job::{self, Job};
use super::kind::Kind;
use super::records::Bulk;
use super::selection::Selection;

/// Time between two rounds.
const INTERVAL: Interval = Interval::from_mins(1);
/// Items of one call: some milliseconds of work.
const ITEMS_PER_CALL: usize = 500;
/// Calls of one round at most.
const CALLS_PER_ROUND: usize = 200;
/// Time between two calls, so that other writers have their turn.
const CALL_INTERVAL: Interval = Interval::from_millis(5);
/// Time after the end of a list in which a request that has seen it before is certainly over.
const GRACE: Duration = Duration::minutes(5);

/// The time at which to clean again.
#[derive(Debug, Default)]
pub(super) struct Cleaner(Option<Instant>);

impl Cleaner {
    /// Removes what is too old, or much of it, once in a minute. Several processes may do so at a
    /// time.
    pub(super) async fn clean(&mut self, bulk: &Bulk) -> Result<()> {
        if self.0.is_some_and(|last| last.elapsed() < INTERVAL) {
            return Ok(());
        }
        let now = bulk.now();
        let mut calls = CALLS_PER_ROUND;
        clean_lists::<Selection>(bulk, |it| it.expires_at + GRACE < now, &mut calls).await?;
        clean_lists::<Import>(bulk, |it| it.expires_at + GRACE < now, &mut calls).await?;
        for job in bulk.list::<Job>(&Scope::All).await? {
            if job.ended_at.is_some_and(|at| at + job::KEPT < now) {
                // Its selection or import, which is over by then, is found by the next round.
                remove::<Job>(bulk, &job.id, &mut calls).await?;
            }
        }
        self.0 = Some(Instant::now());
        Ok(())
    }
}

/// Removes what is over and has no job.
async fn clean_lists<T: Kind>(
    bulk: &Bulk,
    is_over: impl Fn(&T) -> bool,
    calls: &mut usize,
) -> Result<()> {
    for list in bulk.list::<T>(&Scope::All).await? {
        if is_over(&list) && bulk.get::<Job>(list.id()).await?.is_none() {
            remove::<T>(bulk, list.id(), calls).await?;
        }
    }
    Ok(())
}

/// Removes the items, then the record that leads to them.
async fn remove<T: Kind>(bulk: &Bulk, id: &str, calls: &mut usize) -> Result<()> {
    while *calls > 0 {
        *calls -= 1;
        if bulk.worklists.delete(DeleteItems::new(id, ITEMS_PER_CALL)).await? < ITEMS_PER_CALL {
            return bulk.remove::<T>(id).await;
        }
        sleep(CALL_INTERVAL).await;
    }
    Ok(())
}
