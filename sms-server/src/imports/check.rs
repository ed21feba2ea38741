//! The check of each row: what one message of its own would be refused for, and what only a file
//! can have.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use sms_core::{Error, Message, NewMessage, NumberReader, PhoneNumber};

use super::file_error::FileError;
use super::layout::Layout;
use super::mailing::{Mailing, MailingOptions};
use super::numbers;
use super::row::{ImportRow, RowError, beginning};
use super::table::Row;

/// Rows of a file at most.
pub(crate) const MAX_ROWS: usize = 100_000;
/// The longest cell, in bytes: more than the longest text has.
const MAX_CELL: usize = 4096;

/// Checks of a message that depend on the caller.
pub(crate) trait Rules {
    /// Checks a message as if it were to be sent alone.
    fn prepare(&self, message: &Message) -> Result<NewMessage, Error>;
    /// Checks that the caller may send to this number.
    fn may_send_to(&self, number: PhoneNumber) -> bool;
}

/// Checks rows in their order.
#[derive(Debug)]
pub(crate) struct Checker<'a, R> {
    layout: &'a Layout,
    mailing: Mailing,
    numbers: NumberReader,
    rules: R,
    hasher: RandomState,
    /// The first row with each message.
    known: HashMap<(PhoneNumber, u64), u64>,
}

/// A row that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CheckedRow {
    pub(crate) row: ImportRow,
    /// The parts of its message, or what is wrong.
    pub(crate) result: Result<u8, Vec<RowError>>,
    /// True if an earlier row has the same message.
    pub(crate) is_repeated: bool,
}

impl<'a, R: Rules> Checker<'a, R> {
    pub(crate) fn new(
        layout: &'a Layout,
        options: MailingOptions,
        numbers: NumberReader,
        rules: R,
    ) -> Self {
        let mailing = Mailing { template: layout.template.clone(), options };
        let (hasher, known) = (RandomState::new(), HashMap::new());
        Self { layout, mailing, numbers, rules, hasher, known }
    }

    /// Checks the rows of a file, of which there may be more than [`MAX_ROWS`].
    pub(crate) fn check(&mut self, text: &str) -> impl Iterator<Item = CheckedRow> {
        self.layout.rows(text).map(move |row| self.row(&row))
    }

    /// The common part of the messages.
    pub(crate) fn into_mailing(self) -> Mailing {
        self.mailing
    }

    fn row(&mut self, row: &Row) -> CheckedRow {
        let checked = self.message_of(row).and_then(|(to, row, parts)| {
            let text = self.mailing.template.fill(&row.values);
            let message = (to, self.hasher.hash_one(text));
            let first = *self.known.entry(message).or_insert(row.row);
            if first == row.row {
                return Ok((row, parts));
            }
            let detail = format!("has the number and the text of row {first}");
            Err(vec![RowError::of_row("row_repeated", detail)])
        });
        match checked {
            Ok((row, parts)) => CheckedRow { row, result: Ok(parts), is_repeated: false },
            Err(errors) => {
                let is_repeated = errors.iter().any(|error| error.code == "row_repeated");
                let (to, values) = (beginning(row.cell(self.layout.to)), Vec::new());
                let row = ImportRow { row: row.number, to, values };
                CheckedRow { row, result: Err(errors), is_repeated }
            }
        }
    }

    fn message_of(&self, row: &Row) -> Result<(PhoneNumber, ImportRow, u8), Vec<RowError>> {
        check_cells(row).map_err(|error| vec![error])?;
        let mut wrong = Vec::new();
        let of_cell = |index, code: &str, detail: String| {
            RowError::of_cell(self.layout.columns.name(index), row.cell(index), code, detail)
        };
        let to = match numbers::read(row.cell(self.layout.to), self.numbers) {
            Ok(number) if !self.rules.may_send_to(number) => {
                let detail = "is not one of the numbers that this key may send to";
                let code = "recipient_not_allowed";
                wrong.push(of_cell(self.layout.to, code, detail.to_owned()));
                None
            }
            Ok(number) => Some(number),
            Err((code, detail)) => {
                wrong.push(of_cell(self.layout.to, code, detail.into_owned()));
                None
            }
        };
        for index in &self.layout.used {
            if row.cell(*index).is_empty() {
                let detail = "is empty, and the text needs it".to_owned();
                wrong.push(of_cell(*index, "value_missing", detail));
            }
        }
        let (Some(to), true) = (to, wrong.is_empty()) else { return Err(wrong) };
        let values = self.layout.used.iter().map(|index| row.cell(*index).to_owned()).collect();
        let checked = ImportRow { row: row.number, to: to.to_string(), values };
        match self.rules.prepare(&self.mailing.message(&checked)) {
            Ok(message) => Ok((to, checked, message.parts)),
            Err(error) if error.fields().is_empty() => {
                Err(vec![RowError::of_row(error.code(), error.to_string())])
            }
            Err(error) => Err(error
                .fields()
                .iter()
                .map(|field| match self.layout.used.first() {
                    Some(index) if field.field == "text" && self.layout.is_text_cell => {
                        of_cell(*index, field.code, field.message.to_string())
                    }
                    _ => {
                        let detail = format!("{}: {}", field.field, field.message);
                        RowError::of_row(field.code, detail)
                    }
                })
                .collect()),
        }
    }
}

/// The error of a file with more rows.
pub(crate) fn too_many_rows() -> FileError {
    FileError::of_file("rows_too_many", format!("must have at most {MAX_ROWS} rows"))
}

/// Checks that no cell has swallowed the rows after it.
pub(super) fn check_cells(row: &Row) -> Result<(), RowError> {
    let hint = "a quotation mark may be left open in it";
    if row.is_open {
        let detail = "has a quotation mark that is never closed, and the rows below are in it";
        return Err(RowError::of_row("quote_open", detail));
    }
    if row.cells().any(|cell| cell.len() > MAX_CELL) {
        let detail = format!("has a cell of more than {MAX_CELL} bytes: {hint}");
        return Err(RowError::of_row("cell_too_long", detail));
    }
    Ok(())
}
