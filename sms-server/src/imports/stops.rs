//! Files of numbers for the stop-list: a number and a reason in each row.

use std::collections::HashMap;

use sms_core::{NumberReader, PhoneNumber};

use super::check::{MAX_ROWS, check_cells, too_many_rows};
use super::file_error::FileError;
use super::numbers;
use super::row::RowError;
use super::shape::{Shape, ShapeOptions};
use super::table::Row;
use super::template::column_not_found;

/// The columns of the file that the server itself writes.
pub(crate) const EXPORTED: &[&str] = &["number", "reason", "by", "added_at"];
/// Names of the column of reasons.
const REASON_NAMES: &[&str] =
    &["reason", "причина", "comment", "комментарий", "note", "примечание"];

/// Settings of a file that the caller gives.
#[derive(Clone, Debug, Default)]
pub(crate) struct StopOptions {
    pub(crate) shape: ShapeOptions,
    /// The column of reasons.
    pub(crate) reason_column: Option<String>,
    /// The reason of rows without one.
    pub(crate) reason: Option<String>,
    /// Characters of the longest reason.
    pub(crate) max_reason: usize,
}

/// The rows of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StopFile {
    /// Numbers with their reasons, in the order of the file.
    pub(crate) stops: Vec<(PhoneNumber, String)>,
    /// Rows that are wrong, with their numbers in the file.
    pub(crate) wrong: Vec<(u64, Vec<RowError>)>,
    /// Wrong rows with the number of an earlier row.
    pub(crate) repeated: u64,
}

/// Reads rows in their order.
struct Reader<'a> {
    shape: &'a Shape,
    options: &'a StopOptions,
    /// The column of reasons.
    reason: Option<usize>,
    is_exported: bool,
    numbers: NumberReader,
}

impl StopFile {
    /// Reads every row.
    pub(crate) fn read(
        text: &str,
        options: &StopOptions,
        numbers: NumberReader,
    ) -> Result<Self, FileError> {
        let shape = Shape::find(text, &options.shape, numbers)?;
        let reason = column_of_reasons(&shape, options)?;
        let is_exported = shape.columns.names() == EXPORTED;
        let reader = Reader { shape: &shape, options, reason, is_exported, numbers };
        let (mut file, mut known) = (Self::default(), HashMap::new());
        for (count, row) in shape.rows(text).enumerate() {
            if count == MAX_ROWS {
                return Err(too_many_rows());
            }
            match reader.stop(&row) {
                Ok((number, reason)) => {
                    let first = *known.entry(number).or_insert(row.number);
                    if first == row.number {
                        file.stops.push((number, reason));
                        continue;
                    }
                    let detail = format!("has the number of row {first}");
                    file.wrong.push((row.number, vec![RowError::of_row("row_repeated", detail)]));
                    file.repeated += 1;
                }
                Err(errors) => file.wrong.push((row.number, errors)),
            }
        }
        Ok(file)
    }
}

impl Reader<'_> {
    fn stop(&self, row: &Row) -> Result<(PhoneNumber, String), Vec<RowError>> {
        check_cells(row).map_err(|error| vec![error])?;
        let of_cell = |index, code: &str, detail: String| {
            RowError::of_cell(self.shape.columns.name(index), row.cell(index), code, detail)
        };
        let cell = row.cell(self.shape.to);
        let number = if self.is_exported {
            numbers::read_exported(cell, self.numbers)
        } else {
            numbers::read(cell, self.numbers)
        };
        let number =
            number.map_err(|(code, detail)| of_cell(self.shape.to, code, detail.into_owned()));
        let reason = self.reason(row).map_err(|(code, detail)| match self.reason {
            Some(index) => of_cell(index, code, detail),
            None => RowError::of_row(code, detail),
        });
        match (number, reason) {
            (Ok(number), Ok(reason)) => Ok((number, reason)),
            (number, reason) => Err([number.err(), reason.err()].into_iter().flatten().collect()),
        }
    }

    fn reason(&self, row: &Row) -> Result<String, (&'static str, String)> {
        let cell = self.reason.map(|index| without_mark(row.cell(index))).unwrap_or_default();
        if cell.is_empty() {
            let detail = "is empty, and no reason is given for such rows".to_owned();
            return self.options.reason.clone().ok_or(("reason_missing", detail));
        }
        let longest = self.options.max_reason;
        if cell.chars().count() > longest || cell.chars().any(char::is_control) {
            let detail = format!("must be 1 to {longest} characters without control characters");
            return Err(("reason_invalid", detail));
        }
        Ok(cell.to_owned())
    }
}

/// A cell without the apostrophe that keeps spreadsheets from taking it for a formula.
fn without_mark(cell: &str) -> &str {
    let is_formula = |rest: &&str| rest.starts_with(['=', '+', '-', '@']);
    cell.strip_prefix('\'').filter(is_formula).unwrap_or(cell)
}

/// The column of reasons: that of the options, else the one with the name of such a column, else,
/// in a file without names, the first one that is not of numbers.
fn column_of_reasons(shape: &Shape, options: &StopOptions) -> Result<Option<usize>, FileError> {
    let columns = &shape.columns;
    if let Some(name) = &options.reason_column {
        let not_found = |why| column_not_found("reason_column", why, name, columns);
        return columns.find(name).map(Some).map_err(not_found);
    }
    let found = if shape.has_header {
        columns.find_any(REASON_NAMES)
    } else {
        (0..columns.names().len()).find(|index| *index != shape.to)
    };
    if found.is_none() && options.reason.is_none() {
        let detail = "is required: the file has no column named reason";
        return Err(FileError::of_option("reason", "reason_missing", detail));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> StopOptions {
        StopOptions { max_reason: 10, ..StopOptions::default() }
    }

    fn read(text: &str, options: &StopOptions) -> Result<StopFile, FileError> {
        StopFile::read(text, options, NumberReader::default())
    }

    fn stops(file: &StopFile) -> Vec<(u64, &str)> {
        file.stops.iter().map(|(number, reason)| (number.digits(), reason.as_str())).collect()
    }

    /// The number of each wrong row, with the column and the code of each error.
    fn errors(file: &StopFile) -> Vec<(u64, String)> {
        let of_row = |(row, errors): &(u64, Vec<RowError>)| {
            let name =
                |it: &RowError| format!("{} {}", it.column.as_deref().unwrap_or("-"), it.code);
            (*row, errors.iter().map(name).collect::<Vec<_>>().join(", "))
        };
        file.wrong.iter().map(of_row).collect()
    }

    #[test]
    fn numbers_and_reasons_are_found_by_names_or_by_what_is_in_them() {
        let expected = [(79_251_234_567, "asked")];
        for text in [
            "number;reason\n8 (925) 123-45-67;asked\n",
            "Причина,Телефон\nasked,+79251234567\n",
            "asked;9251234567\n",
            "79251234567;asked\n",
            "number;client;reason\n79251234567;Anna;asked\n",
        ] {
            assert_eq!(stops(&read(text, &options()).expect(text)), expected, "{text}");
        }
        let named = StopOptions { reason_column: Some("why".to_owned()), ..options() };
        let text = "number;reason;why\n79251234567;no;asked\n";
        assert_eq!(stops(&read(text, &named).expect(text)), expected);
        let error = read("number;reason\n79251234567;no\n", &named).unwrap_err();
        assert_eq!((error.option, error.code), (Some("reason_column"), "column_unknown"));
    }

    #[test]
    fn a_row_without_a_reason_has_that_of_the_options() {
        let given = StopOptions { reason: Some("asked".to_owned()), ..options() };
        for text in ["79251234567\n", "number\n79251234567\n"] {
            let error = read(text, &options()).unwrap_err();
            assert_eq!((error.option, error.code), (Some("reason"), "reason_missing"), "{text}");
            let file = read(text, &given).expect(text);
            assert_eq!(stops(&file), [(79_251_234_567, "asked")], "{text}");
        }
        let text = "number;reason\n79251234567;\n79251234568;own\n";
        let file = read(text, &given).expect(text);
        assert_eq!(stops(&file), [(79_251_234_567, "asked"), (79_251_234_568, "own")]);
        assert_eq!(
            errors(&read(text, &options()).expect(text)),
            [(2, "reason reason_missing".to_owned())]
        );
    }

    #[test]
    fn a_file_of_the_server_is_read_as_it_is() {
        let text = "number;reason;by;added_at\r\n84912345678;'=1+1;admin;2026-01-01\r\n";
        let file = read(text, &options()).expect("good");
        assert_eq!(stops(&file), [(84_912_345_678, "=1+1")]);
        // The same number in any other file is one of the region.
        let other = text.replace("added_at", "at");
        assert_eq!(stops(&read(&other, &options()).expect("good")), [(74_912_345_678, "=1+1")]);
    }

    #[test]
    fn rows_that_are_wrong_are_named_and_left_out() {
        let text = "number;reason\n7,92512E+10;x\nnobody;longer than ten\n79251234567;ok\n\
                    89251234567;again\n;\n79251234568;\"a\nb\"\n";
        let file = read(text, &options()).expect("good");
        assert_eq!(stops(&file), [(79_251_234_567, "ok")]);
        let errors = errors(&file);
        let found: Vec<_> = errors.iter().map(|(row, it)| (*row, it.as_str())).collect();
        assert_eq!(
            found,
            [
                (2, "number phone_rounded"),
                (3, "number phone_invalid, reason reason_invalid"),
                (5, "- row_repeated"),
                (7, "reason reason_invalid"),
            ]
        );
        assert_eq!(file.repeated, 1);
        assert_eq!(read("number;reason\n", &options()).unwrap_err().code, "file_empty");
    }

    #[test]
    fn a_file_with_more_rows_than_an_import_is_refused() {
        let row = |n: usize| format!("{};x\n", 79_250_000_000 + n);
        let full: String = (0..MAX_ROWS).map(row).collect();
        assert_eq!(read(&full, &options()).expect("good").stops.len(), MAX_ROWS);
        let error = read(&(full + &row(MAX_ROWS)), &options()).unwrap_err();
        assert_eq!(error.code, "rows_too_many");
    }
}
