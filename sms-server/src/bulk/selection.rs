//! Selections: the ids of the messages that matched a filter, or that a caller named.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sms_core::Scope;
use time::{Duration, OffsetDateTime};

use super::kind::Kind;

/// Messages of one selection at most, the newest.
pub(crate) const MAX_SELECTED: usize = 100_000;
/// Time for which a selection can be acted on.
pub(crate) const LIFETIME: Duration = Duration::HOUR;

/// The header of a selection. Its items are the ids of messages.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Selection {
    pub(crate) id: String,
    /// The owner of its messages; `None` if it has messages of every owner.
    pub(crate) owner: Option<String>,
    /// The filter, as the caller wrote it; empty for named messages.
    pub(crate) filter: Map<String, Value>,
    /// True if the caller named the messages.
    #[serde(default)]
    pub(crate) is_named: bool,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) expires_at: OffsetDateTime,
    /// False while its items are written.
    pub(crate) is_ready: bool,
    /// Numbers of messages by status, at the time of the selection.
    pub(crate) by_status: BTreeMap<String, u64>,
    /// False if more messages matched.
    pub(crate) is_complete: bool,
}

impl Selection {
    /// A selection without messages, of a caller with this scope.
    pub(crate) fn new(
        id: String,
        scope: &Scope,
        filter: Map<String, Value>,
        created_at: OffsetDateTime,
    ) -> Self {
        Self {
            id,
            owner: owner_of(scope),
            filter,
            is_named: false,
            created_at,
            expires_at: created_at + LIFETIME,
            is_ready: false,
            by_status: BTreeMap::new(),
            is_complete: true,
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.by_status.values().sum()
    }
}

/// The owner of the messages in a scope; `None` for all.
pub(crate) fn owner_of(scope: &Scope) -> Option<String> {
    match scope {
        Scope::All => None,
        Scope::Owner(owner) => Some(owner.clone()),
    }
}

impl Kind for Selection {
    const NAME: &'static str = "selection";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }
}
