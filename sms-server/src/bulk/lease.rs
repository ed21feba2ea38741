//! Leases of jobs: which process carries out which job. A lease exists until its job has ended, so
//! that a runner finds the jobs to do without reading those that are done.

use std::time::Duration;

use serde_json::json;
use sms_core::registry::{Expect, Record};
use sms_core::{ErrorKind, Registry, Result};
use tokio::time::Instant;

const KIND: &str = "bulk_job_lease";
/// The name of the field with the process that has the lease; null if none has it.
const BY: &str = "by";
/// Age at which another process may take a lease.
const LIFETIME: Duration = Duration::from_secs(15);
/// Age at which the process that has it renews it.
const RENEWAL: Duration = Duration::from_secs(4);
/// Age from which on a lease without a job is one that its request has left behind.
const ORPHANED: Duration = Duration::from_mins(5);

/// A job that this process carries out.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) job: String,
    process: String,
    version: u64,
    renewed: Instant,
}

/// Makes a lease that nobody has. One that is there stays as it is.
pub(super) async fn offer(registry: &dyn Registry, job: &str) -> Result<()> {
    match registry.put(KIND, job, &json!({ BY: null }), Expect::Absent).await {
        Err(error) if error.kind() != ErrorKind::Conflict => Err(error),
        _ => Ok(()),
    }
}

/// Every lease there is.
pub(super) async fn list(registry: &dyn Registry) -> Result<Vec<Record>> {
    registry.list(KIND).await
}

/// True if a lease without a job is not about to get one.
pub(super) fn is_orphaned(lease: &Record) -> bool {
    lease.age >= ORPHANED
}

/// Takes a lease that nobody has, or had for too long. `None` if another process has it.
pub(super) async fn take(
    registry: &dyn Registry,
    record: &Record,
    process: &str,
) -> Result<Option<Lease>> {
    let by = record.value[BY].as_str();
    // A process with its own lease has failed at the job, and tries again.
    if by.is_some_and(|by| by != process) && record.age < LIFETIME {
        return Ok(None);
    }
    let (renewed, job) = (Instant::now(), record.name.clone());
    let written = write(registry, &job, Some(process), record.version).await?;
    let process = process.to_owned();
    Ok(written.map(|version| Lease { job, process, version, renewed }))
}

impl Lease {
    /// Renews the lease if it is time to. False if another process has it.
    pub(super) async fn keep(&mut self, registry: &dyn Registry) -> Result<bool> {
        if self.renewed.elapsed() < RENEWAL {
            return Ok(true);
        }
        let renewed = Instant::now();
        let written = write(registry, &self.job, Some(&self.process), self.version).await?;
        if let Some(version) = written {
            (self.version, self.renewed) = (version, renewed);
        }
        Ok(written.is_some())
    }

    /// Lets others have the job at once.
    pub(super) async fn release(self, registry: &dyn Registry) -> Result<()> {
        write(registry, &self.job, None, self.version).await.map(drop)
    }

    /// Removes the lease of a job that has ended.
    pub(super) async fn remove(self, registry: &dyn Registry) -> Result<()> {
        registry.delete(KIND, &self.job).await.map(drop)
    }
}

/// The new version of the lease; `None` if it was not at this one.
async fn write(
    registry: &dyn Registry,
    job: &str,
    by: Option<&str>,
    version: u64,
) -> Result<Option<u64>> {
    match registry.put(KIND, job, &json!({ BY: by }), Expect::Version(version)).await {
        Ok(version) => Ok(Some(version)),
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(None),
        Err(error) => Err(error),
    }
}
