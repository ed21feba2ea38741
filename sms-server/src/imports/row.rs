//! Rows of an import as a worklist keeps them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Characters of a wrong cell that are kept.
const MAX_VALUE: usize = 100;

/// A row: the payload of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImportRow {
    /// Its number in the file, counted from 1.
    pub(crate) row: u64,
    /// The recipient; the cell as it is where the row is wrong.
    pub(crate) to: String,
    /// The values of the template. None where the row is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) values: Vec<String>,
}

/// An error of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RowError {
    /// The column that is wrong; absent for the row as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<String>,
    /// The beginning of the cell; absent where it is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<String>,
    /// The stable name of the error, for programs.
    pub(crate) code: String,
    /// The error in words, for people.
    pub(crate) detail: String,
}

impl RowError {
    pub(super) fn of_row(code: &str, detail: impl Into<String>) -> Self {
        Self { column: None, value: None, code: code.to_owned(), detail: detail.into() }
    }

    pub(super) fn of_cell(
        column: String,
        cell: &str,
        code: &str,
        detail: impl Into<String>,
    ) -> Self {
        let value = Some(beginning(cell)).filter(|value| !value.is_empty());
        Self { column: Some(column), value, ..Self::of_row(code, detail) }
    }
}

/// The beginning of a cell.
pub(super) fn beginning(cell: &str) -> String {
    cell.chars().take(MAX_VALUE).collect()
}
