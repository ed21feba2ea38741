//! Jobs: one action on every item of a list.

use serde::{Deserialize, Serialize};
use sms_core::worklists::item::{ItemCounts, ItemState};
use sms_core::{PhoneNumber, Scope};
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

use super::kind::Kind;
use crate::imports::mailing::Mailing;

/// Time after its end for which a job is kept, with its items.
pub(crate) const KEPT: Duration = Duration::days(7);
/// Time within which a job must end. Idempotency keys, by which a job that goes on after a kill
/// sends nothing twice, live for 72 hours.
pub(crate) const MAX_AGE: Duration = Duration::days(2);

/// The header of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Job {
    /// The id of its list, too.
    pub(crate) id: String,
    /// The owner of the messages that it may change; `None` for all.
    pub(crate) owner: Option<String>,
    /// The caller that began it: the id of the key, or the name of the session.
    pub(crate) by: String,
    pub(crate) action: Action,
    /// The only numbers that the key may send to; empty if it may send to every number.
    pub(crate) allowed_numbers: Vec<PhoneNumber>,
    pub(crate) state: JobState,
    pub(crate) total: u64,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(crate) ended_at: Option<OffsetDateTime>,
    /// Done, failed and skipped items, once no more are going to be.
    pub(crate) counts: Option<JobCounts>,
}

/// Action of a job on each item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "name")]
pub(crate) enum Action {
    Cancel,
    Resolve {
        resolution: ResolutionName,
        reason: String,
    },
    Resend {
        reason: String,
    },
    Erase {
        reason: String,
    },
    /// Sends the rows of an import.
    Send {
        mailing: Box<Mailing>,
        route: Option<String>,
    },
}

/// The decision about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResolutionName {
    /// The provider has the message.
    Sent,
    /// The provider does not have the message, and it is not sent again.
    Failed,
    /// The message is sent again.
    Resend,
}

/// The action of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ActionName {
    /// Messages that wait are cancelled.
    Cancel,
    /// Messages of unknown outcome are settled.
    Resolve,
    /// Messages are sent again, as new ones.
    Resend,
    /// Messages lose their number and text.
    Erase,
    /// The rows of an import are sent.
    Send,
}

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobState {
    /// It is carried out, or waits for a server that has time for it.
    Running,
    /// It was stopped: by a key, or by the server because it was not finished within two days.
    Stopped,
    /// Every item was done, failed or skipped.
    Finished,
}

/// Numbers of items that have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobCounts {
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Job {
    /// The messages that it may change.
    pub(super) fn scope(&self) -> Scope {
        self.owner.clone().map_or(Scope::All, Scope::Owner)
    }

    /// Checks that the key that began it may send to this number.
    pub(super) fn may_send_to(&self, number: PhoneNumber) -> bool {
        self.allowed_numbers.is_empty() || self.allowed_numbers.contains(&number)
    }

    /// Ends it, unless it has ended.
    pub(crate) fn end(&mut self, state: JobState, now: OffsetDateTime) {
        if self.state == JobState::Running {
            (self.state, self.ended_at) = (state, Some(now));
        }
    }
}

impl Action {
    /// The reason that was given for it; `None` for an action without one.
    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            Self::Resolve { reason, .. } | Self::Resend { reason } | Self::Erase { reason } => {
                Some(reason)
            }
            Self::Cancel | Self::Send { .. } => None,
        }
    }

    pub(crate) const fn name(&self) -> ActionName {
        match self {
            Self::Cancel => ActionName::Cancel,
            Self::Resolve { .. } => ActionName::Resolve,
            Self::Resend { .. } => ActionName::Resend,
            Self::Erase { .. } => ActionName::Erase,
            Self::Send { .. } => ActionName::Send,
        }
    }
}

impl From<ItemCounts> for JobCounts {
    fn from(counts: ItemCounts) -> Self {
        let [done, failed, skipped] =
            [ItemState::Done, ItemState::Failed, ItemState::Skipped].map(|it| counts.count(it));
        Self { done, failed, skipped }
    }
}

impl Kind for Job {
    const NAME: &'static str = "bulk_job";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }
}
