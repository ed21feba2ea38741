//! Records of selections and jobs, and their items.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;
use sms_core::clock::datetime_from_ms;
use sms_core::end_log::without_numbers;
use sms_core::registry::Expect;
use sms_core::worklists::item::WorkItem;
use sms_core::worklists::requests::ItemsRequest;
use sms_core::{
    Clock as _, Error, ErrorKind, NumberReader, PhoneNumber, Registry, Result, Scope, SystemClock,
    Worklists,
};
use time::OffsetDateTime;
use tokio::sync::Notify;

use super::job::Job;
use super::kind::Kind;
use super::lease;
use super::selection::Selection;

/// Attempts to change a record that others change, too.
const MAX_CHANGES: usize = 10;

/// Selections, jobs and their items.
#[derive(Clone, Debug)]
pub(crate) struct Bulk {
    pub(crate) worklists: Arc<dyn Worklists>,
    pub(super) registry: Arc<dyn Registry>,
    clock: SystemClock,
    /// Wakes the runner of this process.
    pub(super) wake: Arc<Notify>,
}

impl Bulk {
    pub(crate) fn new(worklists: impl Worklists, registry: impl Registry) -> Self {
        let (worklists, registry) = (Arc::new(worklists), Arc::new(registry));
        Self { worklists, registry, clock: SystemClock, wake: Arc::new(Notify::new()) }
    }

    /// The time, by the clock of this machine.
    pub(crate) fn now(&self) -> OffsetDateTime {
        datetime_from_ms(self.clock.now_ms())
    }

    /// A record that a caller with this scope may see.
    pub(crate) async fn find<T: Kind>(&self, id: &str, scope: &Scope) -> Result<Option<T>> {
        let found = self.get::<T>(id).await?.map(|(found, _)| found);
        Ok(found.filter(|found| scope.admits(found.owner())))
    }

    /// Every record that a caller with this scope may see, newest first.
    pub(crate) async fn list<T: Kind>(&self, scope: &Scope) -> Result<Vec<T>> {
        let records = self.registry.list(T::NAME).await?;
        // The ids grow with time.
        let read = records.into_iter().rev().map(|record| decode::<T>(record.value));
        let is_visible =
            |found: &Result<T>| found.as_ref().map_or(true, |found| scope.admits(found.owner()));
        read.filter(is_visible).collect()
    }

    /// Writes a record. False if there is one already and it must be new.
    pub(crate) async fn put<T: Kind>(&self, record: &T, expect: Expect) -> Result<bool> {
        let value = serde_json::to_value(record).map_err(unreadable)?;
        match self.registry.put(T::NAME, record.id(), &value, expect).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Changes a record that others may change at the same time. `None` if there is none.
    pub(crate) async fn change<T: Kind>(
        &self,
        id: &str,
        change: impl Fn(&mut T),
    ) -> Result<Option<T>> {
        for _ in 0..MAX_CHANGES {
            let Some((mut record, version)) = self.get::<T>(id).await? else { return Ok(None) };
            change(&mut record);
            if self.put(&record, Expect::Version(version)).await? {
                return Ok(Some(record));
            }
        }
        Err(Error::new(ErrorKind::Unavailable, "a record is changed by too many at a time"))
    }

    /// Begins a job, unless there is one with its id: returns that one then.
    ///
    /// The lease is written first: a runner looks for leases, and a job without one would never
    /// run. A lease without a job is removed by a runner, after the time that this call can take.
    pub(crate) async fn begin(&self, job: Job) -> Result<Job> {
        lease::offer(&*self.registry, &job.id).await?;
        let begun = if self.put(&job, Expect::Absent).await? {
            let reason = job.action.reason().map(without_numbers);
            tracing::info!(
                job = job.id, action = ?job.action.name(), by = job.by, reason, "job begun"
            );
            job
        } else {
            let earlier = self.get::<Job>(&job.id).await?.map(|(earlier, _)| earlier);
            let gone = || Error::new(ErrorKind::Unavailable, "the job was removed just now");
            earlier.ok_or_else(gone)?
        };
        self.wake.notify_one();
        Ok(begun)
    }

    /// Reads the next page of items and moves the request on; `None` after the last page.
    ///
    /// # Errors
    ///
    /// Those of the worklists.
    pub(crate) async fn next_items(
        &self,
        next: &mut Option<ItemsRequest>,
    ) -> Result<Option<Vec<WorkItem>>> {
        let Some(request) = next.take() else { return Ok(None) };
        let items = self.worklists.items(&request).await?;
        let last = items.last().filter(|_| items.len() == request.limit);
        *next = last.map(|last| last.number + 1).map(|number| request.from(number));
        Ok(Some(items))
    }

    /// Removes the parts of the filters of selections that name a number. Returns the number of
    /// selections that had some.
    pub(crate) async fn forget_number(
        &self,
        number: PhoneNumber,
        numbers: NumberReader,
    ) -> Result<usize> {
        let names = |value: &Value| names_number(value, number, numbers);
        let mut changed = 0;
        for selection in self.list::<Selection>(&Scope::All).await? {
            if selection.filter.values().any(names) {
                let forget = |it: &mut Selection| it.filter.retain(|_, value| !names(&*value));
                changed += usize::from(self.change(&selection.id, forget).await?.is_some());
            }
        }
        Ok(changed)
    }

    pub(super) async fn get<T: Kind>(&self, id: &str) -> Result<Option<(T, u64)>> {
        let Some(record) = self.registry.get(T::NAME, id).await? else { return Ok(None) };
        Ok(Some((decode(record.value)?, record.version)))
    }

    pub(super) async fn remove<T: Kind>(&self, id: &str) -> Result<()> {
        self.registry.delete(T::NAME, id).await.map(drop)
    }
}

/// True if a value is this number in any spelling, or contains its digits.
fn names_number(value: &Value, number: PhoneNumber, numbers: NumberReader) -> bool {
    let Some(text) = value.as_str() else { return false };
    numbers.read(text).is_ok_and(|it| it == number) || text.contains(&number.digits().to_string())
}

fn decode<T: DeserializeOwned>(value: serde_json::Value) -> Result<T> {
    serde_json::from_value(value).map_err(unreadable)
}

pub(super) fn unreadable(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Internal, "a record of a job cannot be read or written")
        .with_source(error)
}
