//! Jobs as the API shows them.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::bulk::Bulk;
use crate::bulk::job::{Action, ActionName, Job, JobCounts, JobState, ResolutionName};
use crate::http::problem::Problem;

/// An action on every message of a selection, or on every row of an import.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobView {
    /// That of the selection or import, too.
    id: String,
    action: ActionName,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution: Option<ResolutionName>,
    /// The reason that was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    state: JobState,
    /// Items of the job.
    total: u64,
    /// Items that were done.
    done: u64,
    /// Items that could not be done; see `/v1/jobs/{id}/failures.csv`.
    failed: u64,
    /// Items that were not to be done: the wrong rows of an import.
    skipped: u64,
    /// Id of the key, or name of the person, that began it.
    by: String,
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    created_at: OffsetDateTime,
    /// The time at which it finished or was stopped.
    #[serde(with = "crate::http::timestamp::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<OffsetDateTime>,
}

impl JobView {
    /// A job with its progress.
    pub(crate) async fn read(bulk: &Bulk, job: Job) -> Result<Self, Problem> {
        let counts = match job.counts {
            Some(counts) => counts,
            None => bulk.worklists.counts(&job.id).await?.into(),
        };
        Ok(Self::new(job, counts))
    }

    fn new(job: Job, JobCounts { done, failed, skipped }: JobCounts) -> Self {
        let action = job.action.name();
        let (resolution, reason) = match job.action {
            Action::Cancel | Action::Send { .. } => (None, None),
            Action::Resolve { resolution, reason } => (Some(resolution), Some(reason)),
            Action::Resend { reason } | Action::Erase { reason } => (None, Some(reason)),
        };
        let Job { id, by, state, total, created_at, ended_at, .. } = job;
        Self {
            id,
            action,
            resolution,
            reason,
            state,
            total,
            done,
            failed,
            skipped,
            by,
            created_at,
            ended_at,
        }
    }
}
