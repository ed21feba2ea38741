//! The task that carries out jobs. Each process that serves has one; a lease keeps two of them from
//! doing the same work. That no item is done twice does not depend on it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use sms_core::registry::Record;
use sms_core::supervise::catch_panic;
use sms_core::worklists::item::{ItemState, WorkItem};
use sms_core::worklists::requests::{ItemsRequest, RecordResults};
use sms_core::{CancellationToken, Erasure, MessageId, Outage, Result, Sender, Store};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::cleaner::Cleaner;
use super::job::{Job, JobCounts, JobState, MAX_AGE};
use super::lease::{self, Lease};
use super::records::Bulk;
use crate::app::sandbox_rules::SandboxRules;

/// Time between two looks for jobs. A job that begins in this process is found at once.
const ROUND_INTERVAL: Duration = Duration::from_secs(2);
/// Jobs that one process carries out at a time.
const MAX_JOBS: usize = 2;
/// Items that are done in one transaction.
const BATCH: usize = 100;
/// The shortest and the longest pause after a batch. A pause is as long as the batch took, so that
/// a job takes half of the store's time at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_secs(1));
/// Time for the release of a lease at the shutdown.
const RELEASE_TIMEOUT: Duration = Duration::from_millis(300);

/// Carries out jobs.
#[derive(Clone, Debug)]
pub(crate) struct Runner {
    pub(super) store: Arc<dyn Store>,
    pub(super) sender: Sender,
    pub(super) erasure: Option<Arc<dyn Erasure>>,
    pub(super) bulk: Bulk,
    pub(super) rules: Arc<SandboxRules>,
    /// True if the sandbox stands in for the provider.
    pub(super) sends_nothing: bool,
    /// The name of this process in leases.
    process: Arc<str>,
    outage: Arc<Outage>,
}

impl Runner {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        sender: Sender,
        bulk: Bulk,
        rules: Arc<SandboxRules>,
        sends_nothing: bool,
    ) -> Self {
        let outage = Outage::new("the running of jobs", "bulk actions wait; messages go on");
        let process = MessageId::new().to_string().into();
        let outage = Arc::new(outage);
        let erasure = None;
        Self { store, sender, erasure, bulk, rules, sends_nothing, process, outage }
    }

    /// Erases messages with this.
    pub(crate) fn erasure(self, erasure: Option<Arc<dyn Erasure>>) -> Self {
        Self { erasure, ..self }
    }

    /// Carries out jobs until the shutdown. A batch that is under way is dropped then, and done
    /// again by the process that takes the job over.
    pub(crate) async fn run(&self, shutdown: &CancellationToken) {
        let (mut tasks, mut running) = (JoinSet::new(), HashSet::new());
        let mut cleaner = Cleaner::default();
        while !shutdown.is_cancelled() {
            while let Some(ended) = tasks.try_join_next() {
                if let Ok(job) = ended {
                    running.remove::<String>(&job);
                }
            }
            let round = async {
                for lease in self.find_jobs(&running, MAX_JOBS.saturating_sub(tasks.len())).await? {
                    running.insert(lease.job.clone());
                    let (runner, shutdown) = (self.clone(), shutdown.clone());
                    tasks.spawn(async move { runner.carry_out(lease, &shutdown).await });
                }
                cleaner.clean(&self.bulk).await
            };
            tokio::select! {
                result = catch_panic(round) => self.outage.note_work(&result),
                () = shutdown.cancelled() => break,
            }
            tokio::select! {
                () = sleep(ROUND_INTERVAL) => {}
                () = self.bulk.wake.notified() => {}
                () = shutdown.cancelled() => {}
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Takes the leases of up to `limit` jobs that nobody carries out.
    async fn find_jobs(&self, running: &HashSet<String>, limit: usize) -> Result<Vec<Lease>> {
        let mut taken = Vec::new();
        if limit == 0 {
            return Ok(taken);
        }
        for record in lease::list(&*self.bulk.registry).await? {
            if taken.len() < limit && !running.contains(&record.name) {
                taken.extend(self.take(&record).await?);
            }
        }
        Ok(taken)
    }

    async fn take(&self, record: &Record) -> Result<Option<Lease>> {
        let registry = &*self.bulk.registry;
        let is_there = self.bulk.get::<Job>(&record.name).await?.is_some();
        // Its request is about to write it, unless it has been cut off.
        if !is_there && !lease::is_orphaned(record) {
            return Ok(None);
        }
        lease::take(registry, record, &self.process).await
    }

    /// Carries out a job until its end or the shutdown. Returns its id.
    async fn carry_out(&self, mut lease: Lease, shutdown: &CancellationToken) -> String {
        let job = lease.job.clone();
        let registry = &*self.bulk.registry;
        let ended = tokio::select! {
            ended = catch_panic(self.work(&mut lease)) => ended,
            () = shutdown.cancelled() => {
                let _ = timeout(RELEASE_TIMEOUT, lease.release(registry)).await;
                return job;
            }
        };
        self.outage.note_work(&ended);
        if ended.is_ok_and(|has_ended| has_ended) {
            // The next round finds a lease that is left, with its job ended.
            let _ = lease.remove(registry).await;
        }
        job
    }

    /// Works until the end of a job. False if another process has taken it over.
    async fn work(&self, lease: &mut Lease) -> Result<bool> {
        let list = lease.job.clone();
        let mut from = 0;
        while lease.keep(&*self.bulk.registry).await? {
            let Some((job, _)) = self.bulk.get::<Job>(&list).await? else { return Ok(true) };
            if job.state != JobState::Running {
                self.end(&job, job.state).await?;
                return Ok(true);
            }
            if self.bulk.now() - job.created_at > MAX_AGE {
                self.end(&job, JobState::Stopped).await?;
                return Ok(true);
            }
            let started = Instant::now();
            let request = ItemsRequest::new(&list, BATCH).from(from).state(ItemState::Pending);
            let items = self.bulk.worklists.items(&request).await?;
            match items.last() {
                Some(&WorkItem { number, .. }) => {
                    from = number + 1;
                    // The first is idempotent, so a kill before the second repeats both.
                    let results = self.act(&job, items).await?;
                    self.bulk.worklists.record(RecordResults::new(&list, results)).await?;
                }
                None if from == 0 => {
                    self.end(&job, JobState::Finished).await?;
                    return Ok(true);
                }
                None => from = 0,
            }
            sleep(started.elapsed().clamp(PAUSES.0, PAUSES.1)).await;
        }
        Ok(false)
    }

    /// Ends a job that nothing more happens to, with its final counts.
    async fn end(&self, job: &Job, state: JobState) -> Result<()> {
        let counts = JobCounts::from(self.bulk.worklists.counts(&job.id).await?);
        let now = self.bulk.now();
        let ended = self.bulk.change::<Job>(&job.id, |job| {
            job.end(state, now);
            job.counts = Some(counts);
        });
        if let Some(Job { id, by, action, state, .. }) = ended.await? {
            let JobCounts { done, failed, skipped } = counts;
            let action = action.name();
            tracing::info!(job = id, ?action, by, ?state, done, failed, skipped, "job ended");
        }
        Ok(())
    }
}
