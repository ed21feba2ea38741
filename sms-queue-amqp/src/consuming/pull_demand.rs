//! Demand for jobs in this process.

use tokio::time::Instant;

use crate::consuming::lane_buffer::BUFFER_TTL;

/// The pulls that wait, and the last one that ended.
#[derive(Debug)]
pub(crate) struct PullDemand {
    pulls: usize,
    /// Sum of the jobs that the waiting pulls ask for.
    jobs: usize,
    last_end: Instant,
    last_jobs: usize,
}

impl PullDemand {
    pub(crate) fn new(now: Instant) -> Self {
        Self { pulls: 0, jobs: 0, last_end: now, last_jobs: 0 }
    }

    /// Counts a pull of up to `max` jobs among those that wait.
    pub(crate) fn begin(&mut self, max: usize) {
        self.pulls += 1;
        self.jobs = self.jobs.saturating_add(max);
    }

    /// Removes a pull of up to `max` jobs from those that wait.
    pub(crate) fn end(&mut self, max: usize, now: Instant) {
        self.pulls -= 1;
        self.jobs = self.jobs.saturating_sub(max);
        (self.last_end, self.last_jobs) = (now, max);
    }

    /// Number of jobs that the waiting pulls want together. At least as many as the last pull
    /// wanted, because a worker that pulled once pulls again.
    pub(crate) fn jobs(&self) -> usize {
        self.jobs.max(self.last_jobs)
    }

    /// True if no pull waits, and none has for [`BUFFER_TTL`].
    pub(crate) fn is_idle(&self, now: Instant) -> bool {
        self.pulls == 0 && now - self.last_end > BUFFER_TTL
    }

    /// True if pulls wait other than the one that asks.
    pub(crate) fn others_wait(&self) -> bool {
        self.pulls > 1
    }
}
