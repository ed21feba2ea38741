//! Imports as the API shows them.

use serde::Serialize;
use sms_core::Class;
use sms_core::message::text::Encoding as TextCoding;
use sms_core::worklists::item::{ItemState, WorkItem};
use sms_core::worklists::requests::ItemsRequest;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::app::App;
use crate::bulk::Bulk;
use crate::bulk::import::{Import, ImportCost, RowCounts, errors_of, row_of};
use crate::http::problem::Problem;
use crate::imports::encoding::Encoding;
use crate::imports::row::RowError;
use crate::imports::separator::Separator;
use crate::rest::schema::{MessageClass, TextEncoding};

/// Wrong rows that are shown with an import.
const ERRORS: usize = 20;

/// A file of recipients that was checked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportView {
    /// That of the job that sends it, too.
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_name: Option<String>,
    encoding: Encoding,
    separator: Separator,
    /// True if the first row has the names of the columns.
    header: bool,
    /// The names of the columns, else their letters.
    columns: Vec<String>,
    /// The column of phone numbers.
    to_column: String,
    /// The column of texts; absent where the text was given as a parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    text_column: Option<String>,
    /// The purpose of the messages.
    #[schema(value_type = MessageClass)]
    class: Class,
    /// The sender name; absent for the provider's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// The time to send them; absent for now.
    #[serde(with = "crate::http::timestamp::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    send_at: Option<OffsetDateTime>,
    /// Rows with something in them.
    rows: u64,
    /// Rows that become a message.
    valid: u64,
    /// Rows that are wrong.
    invalid: u64,
    /// Wrong rows with the number and the text of an earlier row.
    repeated: u64,
    /// Parts of all messages.
    parts: u64,
    /// Messages to numbers that were on the stop-list when the file was checked. They are refused
    /// when it is sent.
    on_stop_list: u64,
    /// The cost; absent where there is no message to be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<ImportCost>,
    /// The reference of the messages; lists can be filtered by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// An import of the same file that was sent within the last day: a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    same_file: Option<SameFileView>,
    /// Id of the key, or name of the person, that made it.
    by: String,
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    created_at: OffsetDateTime,
    /// The time until which it can be sent.
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    expires_at: OffsetDateTime,
    /// The time at which its job began.
    #[serde(with = "crate::http::timestamp::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    sent_at: Option<OffsetDateTime>,
}

/// An import of the same file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SameFileView {
    import: String,
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    sent_at: OffsetDateTime,
}

/// An import with its first messages and errors.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportDetails {
    #[serde(flatten)]
    import: ImportView,
    /// The first messages.
    preview: Vec<PreviewView>,
    /// The first wrong rows; `/v1/imports/{id}/errors` has them all.
    errors: Vec<RowErrors>,
}

/// A message that a row becomes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviewView {
    row: u64,
    to: String,
    text: String,
    parts: u8,
    #[schema(value_type = TextEncoding)]
    encoding: TextCoding,
}

/// A wrong row.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RowErrors {
    /// Its number in the file, counted from 1 as spreadsheets do.
    row: u64,
    errors: Vec<RowError>,
}

impl ImportDetails {
    /// An import with what its items say.
    pub(super) async fn read(app: &App, bulk: &Bulk, import: Import) -> Result<Self, Problem> {
        let mut preview = Vec::with_capacity(import.preview.len());
        for number in &import.preview {
            let request = ItemsRequest::new(&import.id, 1).from(*number);
            if let Some(item) = bulk.worklists.items(&request).await?.first() {
                preview.extend(PreviewView::read(app, &import, item)?);
            }
        }
        let request = ItemsRequest::new(&import.id, ERRORS).state(ItemState::Skipped);
        let items = bulk.worklists.items(&request).await?;
        let errors = items
            .iter()
            .filter_map(|it| RowErrors::read(it).transpose())
            .collect::<Result<_, _>>()?;
        Ok(Self { import: import.into(), preview, errors })
    }
}

impl PreviewView {
    fn read(app: &App, import: &Import, item: &WorkItem) -> Result<Option<Self>, Problem> {
        let Some(row) = row_of(item)? else { return Ok(None) };
        let message = app.0.sender.prepare(&import.mailing.message(&row))?;
        let (to, text) = (message.to.to_string(), message.text);
        let (row, parts, encoding) = (row.row, message.parts, message.encoding);
        Ok(Some(Self { row, to, text, parts, encoding }))
    }
}

impl RowErrors {
    pub(in crate::rest) const fn new(row: u64, errors: Vec<RowError>) -> Self {
        Self { row, errors }
    }

    /// The errors of an item; `None` if its row was erased.
    pub(super) fn read(item: &WorkItem) -> Result<Option<Self>, Problem> {
        let Some(row) = row_of(item)? else { return Ok(None) };
        Ok(Some(Self { row: row.row, errors: errors_of(item.result.as_deref())? }))
    }

    /// Each error with the number of the row.
    pub(super) fn into_errors(self) -> impl Iterator<Item = (u64, RowError)> {
        self.errors.into_iter().map(move |error| (self.row, error))
    }
}

impl From<Import> for ImportView {
    fn from(import: Import) -> Self {
        let rows = import.counts.rows();
        let RowCounts { valid, invalid, repeated, parts, on_stop_list } = import.counts;
        let options = import.mailing.options;
        let same_file = import
            .same_file
            .map(|same| SameFileView { import: same.import, sent_at: same.sent_at });
        Self {
            id: import.id,
            file_name: import.file.name,
            encoding: import.file.encoding,
            separator: import.file.separator,
            header: import.file.has_header,
            columns: import.file.columns,
            to_column: import.file.to_column,
            text_column: import.file.text_column,
            class: options.class.unwrap_or_default(),
            from: options.from,
            send_at: options.send_at,
            rows,
            valid,
            invalid,
            repeated,
            parts,
            on_stop_list,
            cost: import.cost,
            reference: options.reference,
            same_file,
            by: import.by,
            created_at: import.created_at,
            expires_at: import.expires_at,
            sent_at: import.sent_at,
        }
    }
}
