//! Waiting a moment for a batch to fill, where jobs come so fast that it pays.
//!
//! A call costs a `begin` and a `settle`, two transactions, however few messages it carries. At
//! thousands of messages a second a worker that starts a call for whatever is there makes hundreds
//! of small ones; a moment later each would have been a full batch. At a lower rate the machine has
//! time for small calls, and a message is better off going at once.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::served_route::ServedRoute;
use crate::lane::Lane;
use crate::queue::{Lease, Queue};

/// Jobs come fast when the last [`SAMPLE`] of them were pulled within [`WINDOW`]: 2,500 a second,
/// whatever the batch. At a rate below, which a small machine sends one by one, nobody waits. No
/// more than it takes to tell a stream from a handful that came together, for until then each goes
/// by itself.
const SAMPLE: usize = 50;
const WINDOW: Duration = Duration::from_millis(20);
/// Longest time for which a batch is collected: as long as 100 jobs take at 5,000 a second.
const LONGEST: Duration = Duration::from_millis(20);
/// Interval of pulls while a batch fills. A pull for each job would cost too much; a longer
/// interval would delay urgent jobs.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Rate at which jobs were pulled recently.
#[derive(Debug, Default)]
pub(super) struct PullRate {
    /// Times and numbers of jobs; none older than [`SAMPLE`] needs.
    pulls: VecDeque<(Instant, usize)>,
    jobs: usize,
}

impl PullRate {
    fn note(&mut self, jobs: usize) {
        if jobs > 0 {
            self.pulls.push_back((Instant::now(), jobs));
            self.jobs += jobs;
        }
        while let Some((_, oldest)) = self.pulls.front()
            && self.jobs - oldest >= SAMPLE
        {
            self.jobs -= oldest;
            self.pulls.pop_front();
        }
    }

    fn is_high(&self) -> bool {
        self.jobs >= SAMPLE && self.pulls.front().is_some_and(|(at, _)| at.elapsed() <= WINDOW)
    }
}

impl ServedRoute {
    /// Adds to jobs just pulled what comes within a moment, up to `max`; none while few come. An
    /// urgent job is waited with by nobody: it ends the gathering. May be dropped at any time: what
    /// was gathered is in `jobs`.
    pub(super) async fn fill_batch(&self, rate: &mut PullRate, jobs: &mut Vec<Lease>, max: usize) {
        rate.note(jobs.len());
        let end = Instant::now() + LONGEST;
        let urgent = |lease: &Lease| lease.job.lane == Lane::Urgent;
        while jobs.len() < max && rate.is_high() && Instant::now() < end && !jobs.iter().any(urgent)
        {
            sleep(LOOK_EVERY).await;
            match self.queue.pull(max - jobs.len(), Duration::ZERO).await {
                Ok(more) => {
                    rate.note(more.len());
                    jobs.extend(more);
                }
                Err(error) => {
                    tracing::debug!(
                        reason = error.report(),
                        "pull failed; what was pulled before is sent"
                    );
                    break;
                }
            }
        }
    }
}
