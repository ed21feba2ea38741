//! The shape of a file: separator, names of columns, and the column of numbers.

use sms_core::NumberReader;

use super::columns::{Columns, MAX_COLUMNS};
use super::file_error::FileError;
use super::numbers;
use super::separator::Separator;
use super::table::{Row, Table, separator_line};
use super::template::column_not_found;

/// Rows that the column of numbers is looked for in.
const SAMPLE_ROWS: usize = 100;
/// Names of the column of numbers, the most certain first.
const NUMBER_NAMES: &[&str] = &[
    "phone",
    "телефон",
    "to",
    "phone number",
    "номер телефона",
    "mobile",
    "мобильный",
    "мобильный телефон",
    "msisdn",
    "tel",
    "тел",
    "тел.",
    "number",
    "номер",
    "recipient",
    "получатель",
];
/// Settings of the shape that the caller gives. Everything else is found.
#[derive(Clone, Debug, Default)]
pub(crate) struct ShapeOptions {
    /// The column of numbers.
    pub(crate) to_column: Option<String>,
    /// True if the first row has the names of the columns.
    pub(crate) has_header: Option<bool>,
    pub(crate) separator: Option<Separator>,
}

/// The places of what every file of numbers has.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) separator: Separator,
    pub(super) has_header: bool,
    pub(super) columns: Columns,
    /// The column of numbers.
    pub(super) to: usize,
}

impl Shape {
    /// Finds out what is where.
    pub(super) fn find(
        text: &str,
        options: &ShapeOptions,
        numbers: NumberReader,
    ) -> Result<Self, FileError> {
        let named = separator_line(text).map(|(separator, _)| separator);
        let separator = options.separator.or(named).unwrap_or_else(|| Separator::of(text));
        let mut rows = Table::new(text, separator);
        let first = rows.next().ok_or_else(|| empty("is empty"))?;
        let has_header =
            options.has_header.unwrap_or_else(|| !first.cells().any(numbers::is_meant_as_number));
        let mut sample = Vec::with_capacity(SAMPLE_ROWS);
        if !has_header {
            sample.push(first.clone());
        }
        sample.extend(rows.take(SAMPLE_ROWS));
        if sample.is_empty() {
            return Err(empty("has no row below the names of its columns"));
        }
        let columns = if has_header {
            Columns::named(first.cells())
        } else {
            Columns::lettered(sample.iter().map(Row::len).max().unwrap_or_default())
        };
        let to = match &options.to_column {
            Some(name) => columns
                .find(name)
                .map_err(|why| column_not_found("to_column", why, name, &columns))?,
            None => column_of_numbers(&columns, has_header, &sample, numbers)?,
        };
        Ok(Self { separator, has_header, columns, to })
    }

    /// The rows below the names of the columns.
    pub(super) fn rows<'a>(&self, text: &'a str) -> impl Iterator<Item = Row> + use<'a> {
        Table::new(text, self.separator).skip(usize::from(self.has_header))
    }
}

fn empty(detail: &str) -> FileError {
    FileError::of_file("file_empty", detail)
}

/// The column with the name of a column of numbers, else the one with the most numbers.
fn column_of_numbers(
    columns: &Columns,
    has_header: bool,
    sample: &[Row],
    numbers: NumberReader,
) -> Result<usize, FileError> {
    let mut named = NUMBER_NAMES.iter().filter_map(|name| columns.find_any(&[*name]));
    if let Some(index) = named.next().filter(|_| has_header) {
        return Ok(index);
    }
    let count = |is_it: &dyn Fn(&str) -> bool, index| {
        sample.iter().filter(|row| is_it(row.cell(index))).count()
    };
    let width = sample.iter().map(Row::len).max().unwrap_or_default().min(MAX_COLUMNS);
    let found = |index| {
        let valid = count(&|cell| numbers::read(cell, numbers).is_ok(), index);
        (valid, count(&numbers::is_meant_as_number, index))
    };
    let mut found: Vec<_> = (0..width).map(|index| (found(index), index)).collect();
    found.sort_unstable_by(|one, other| other.cmp(one));
    let is_clear = match found.as_slice() {
        [((_, meant), _)] => *meant > 0,
        [(best, _), (next, _), ..] => best.1 > 0 && best > next,
        [] => false,
    };
    match found.first() {
        Some((_, index)) if is_clear => Ok(*index),
        _ => {
            let known = columns.names().join(", ");
            let detail = format!("is required: name the column of phone numbers, one of {known}");
            Err(FileError::of_option("to_column", "number_column_unclear", detail))
        }
    }
}
