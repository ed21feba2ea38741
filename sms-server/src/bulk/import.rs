//! Imports: files of recipients that were checked, to be sent by a job of the same id.

use serde::{Deserialize, Serialize};
use sms_core::worklists::item::WorkItem;
use sms_core::{Money, Result};
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

use super::kind::Kind;
use super::records::unreadable;
use crate::app::price_cache::UnknownCost;
use crate::imports::encoding::Encoding;
use crate::imports::mailing::Mailing;
use crate::imports::row::{ImportRow, RowError};
use crate::imports::separator::Separator;

/// Time for which an import can be sent.
pub(crate) const LIFETIME: Duration = Duration::DAY;
/// Time for which an import without an end of its check is kept: more than a check takes.
const CHECK_TIME: Duration = Duration::minutes(10);
/// Time within which the same file is noticed.
const SAME_FILE: Duration = Duration::DAY;

/// The header of an import. Its items are the rows of the file: a pending one has a message, and a
/// skipped one has errors.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Import {
    pub(crate) id: String,
    /// The owner of the messages.
    pub(crate) owner: String,
    /// The caller that made it: the id of the key, or the name of the session.
    pub(crate) by: String,
    /// The route of the messages, where they do not take that of others.
    pub(crate) route: Option<String>,
    pub(crate) file: ImportFile,
    pub(crate) mailing: Mailing,
    pub(crate) counts: RowCounts,
    /// The cost of the messages; `None` if there is none.
    #[serde(default)]
    pub(crate) cost: Option<ImportCost>,
    /// Items of the first messages.
    pub(crate) preview: Vec<u64>,
    /// The import of the same file that was sent shortly before.
    pub(crate) same_file: Option<SameFile>,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) expires_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(crate) sent_at: Option<OffsetDateTime>,
    pub(crate) state: ImportState,
}

/// The state of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ImportState {
    /// Its rows are written. Nobody sees it.
    Checking,
    /// It can be sent.
    Checked,
    /// A job sends it, or has done so.
    Sent,
    /// Nobody sees it.
    Removed,
}

/// The file of an import, and what was found in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ImportFile {
    pub(crate) name: Option<String>,
    /// The hash of its bytes.
    pub(crate) digest: String,
    pub(crate) encoding: Encoding,
    pub(crate) separator: Separator,
    pub(crate) has_header: bool,
    pub(crate) columns: Vec<String>,
    pub(crate) to_column: String,
    /// The column of texts, where they are not the options'.
    #[serde(default)]
    pub(crate) text_column: Option<String>,
}

/// An import of the same file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SameFile {
    pub(crate) import: String,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) sent_at: OffsetDateTime,
}

/// Numbers of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RowCounts {
    /// Rows with a message.
    pub(crate) valid: u64,
    /// Rows with an error.
    pub(crate) invalid: u64,
    /// Valid rows that repeat the message of an earlier row.
    pub(crate) repeated: u64,
    /// Parts of all messages.
    pub(crate) parts: u64,
    /// Rows with a message of which the number was on the stop-list.
    #[serde(default)]
    pub(crate) on_stop_list: u64,
}

/// The cost of the messages of an import, without those to numbers on the stop-list: as the
/// provider told it when the file was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ImportCost {
    /// The cost of all messages: a decimal number as text, in the provider's currency. Null if no
    /// cost is known.
    #[schema(value_type = Option<String>)]
    pub(crate) total: Option<Money>,
    /// True if the provider told the price of each message. Otherwise the messages that it was
    /// asked about stand for all, by the number of their parts.
    pub(crate) exact: bool,
    /// Messages that the provider was asked about.
    pub(crate) asked: u64,
    /// Those of them that it would refuse. They cost nothing.
    pub(crate) refused: u64,
    /// The reason why no cost is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unknown: Option<UnknownCost>,
}

impl RowCounts {
    pub(crate) const fn rows(&self) -> u64 {
        self.valid + self.invalid
    }
}

impl Import {
    /// An import that is being checked.
    pub(crate) fn new(
        id: String,
        owner: &str,
        by: &str,
        file: ImportFile,
        created_at: OffsetDateTime,
    ) -> Self {
        Self {
            id,
            owner: owner.to_owned(),
            by: by.to_owned(),
            route: None,
            file,
            mailing: Mailing::default(),
            counts: RowCounts::default(),
            cost: None,
            preview: Vec::new(),
            same_file: None,
            created_at,
            expires_at: created_at + CHECK_TIME,
            sent_at: None,
            state: ImportState::Checking,
        }
    }

    /// Ends the check.
    pub(crate) fn set_checked(&mut self) {
        self.state = ImportState::Checked;
        self.expires_at = self.created_at + LIFETIME;
    }

    /// Has it sent, unless it is already or was removed.
    pub(crate) fn set_sent(&mut self, now: OffsetDateTime) {
        if self.state == ImportState::Checked {
            (self.state, self.sent_at) = (ImportState::Sent, Some(now));
        }
    }

    /// Removes it, unless it is sent. Its rows are removed by the cleaner.
    pub(crate) fn remove(&mut self, now: OffsetDateTime) {
        if self.state == ImportState::Checked {
            (self.state, self.expires_at) = (ImportState::Removed, now);
        }
    }

    /// True for an import that its client sees.
    pub(crate) fn is_visible(&self) -> bool {
        matches!(self.state, ImportState::Checked | ImportState::Sent)
    }

    /// True for an import that takes one of the places of its client.
    pub(crate) fn is_open(&self, now: OffsetDateTime) -> bool {
        matches!(self.state, ImportState::Checking | ImportState::Checked) && self.expires_at > now
    }

    /// True if this file was sent shortly before.
    pub(crate) fn has_sent(&self, digest: &str, now: OffsetDateTime) -> bool {
        self.file.digest == digest && self.sent_at.is_some_and(|at| at + SAME_FILE > now)
    }
}

/// The row that an item holds; `None` if it was emptied because its number was erased.
pub(crate) fn row_of(item: &WorkItem) -> Result<Option<ImportRow>> {
    let is_filled = !item.payload.is_empty();
    is_filled.then(|| serde_json::from_str(&item.payload)).transpose().map_err(unreadable)
}

/// The payload of an item.
pub(crate) fn row_payload(row: &ImportRow) -> Result<String> {
    serde_json::to_string(row).map_err(unreadable)
}

/// The errors that a skipped item holds.
pub(crate) fn errors_of(result: Option<&str>) -> Result<Vec<RowError>> {
    result.map_or(Ok(Vec::new()), |errors| serde_json::from_str(errors).map_err(unreadable))
}

/// The result of a skipped item.
pub(crate) fn errors_result(errors: &[RowError]) -> Result<String> {
    serde_json::to_string(errors).map_err(unreadable)
}

impl Kind for Import {
    const NAME: &'static str = "import";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> Option<&str> {
        Some(&self.owner)
    }
}
