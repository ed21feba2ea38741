//! The layout of a file: separator, names, the column of numbers, the text.

use sms_core::NumberReader;

use super::columns::{Columns, MAX_COLUMNS};
use super::file_error::FileError;
use super::numbers;
use super::separator::Separator;
use super::table::{Row, Table, separator_line};
use super::template::{Template, column_not_found};

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
/// Names of the column of texts.
const TEXT_NAMES: &[&str] = &["text", "текст", "message", "сообщение", "sms", "смс"];

/// Settings of a file that the caller gives. Everything else is found.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileOptions {
    /// The column of numbers.
    pub(crate) to_column: Option<String>,
    /// The text, with placeholders.
    pub(crate) text: Option<String>,
    /// The column of texts.
    pub(crate) text_column: Option<String>,
    /// True if the first row has the names of the columns.
    pub(crate) has_header: Option<bool>,
    pub(crate) separator: Option<Separator>,
}

/// The places of things in a file.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) separator: Separator,
    pub(crate) has_header: bool,
    pub(crate) columns: Columns,
    /// The column of numbers.
    pub(crate) to: usize,
    pub(crate) template: Template,
    /// The columns of the values that the template takes.
    pub(super) used: Vec<usize>,
    /// True if the text is a cell, and nothing else.
    pub(super) is_text_cell: bool,
}

impl Layout {
    /// Finds out what is where.
    pub(crate) fn find(
        text: &str,
        options: &FileOptions,
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
        let (template, used, is_text_cell) = find_text(&columns, has_header, options)?;
        Ok(Self { separator, has_header, columns, to, template, used, is_text_cell })
    }

    /// The rows with a message each.
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

/// The text: that of the options, else the column with the name of a column of texts.
fn find_text(
    columns: &Columns,
    has_header: bool,
    options: &FileOptions,
) -> Result<(Template, Vec<usize>, bool), FileError> {
    if let Some(text) = &options.text {
        let (template, used) = Template::read(text, columns)?;
        return Ok((template, used, false));
    }
    let column = match &options.text_column {
        Some(name) => {
            columns.find(name).map_err(|why| column_not_found("text_column", why, name, columns))?
        }
        None => columns.find_any(TEXT_NAMES).filter(|_| has_header).ok_or_else(|| {
            let detail = "is required: the file has no column named text";
            FileError::of_option("text", "text_missing", detail)
        })?,
    };
    Ok((Template::of_cell(), vec![column], true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str, options: &FileOptions) -> Result<Layout, FileError> {
        Layout::find(text, options, NumberReader::default())
    }

    fn hello() -> FileOptions {
        FileOptions { text: Some("hello".to_owned()), ..FileOptions::default() }
    }

    #[test]
    fn the_column_of_numbers_is_found_by_its_name_or_by_what_is_in_it() {
        for (text, has_header, to) in [
            ("79251234567\n", false, 0),
            ("Имя;Телефон\nАнна;79251234567\n", true, 1),
            ("order;client\n1234567;79251234567\n1234568;79251234568\n", true, 1),
            ("Анна;79251234567\nИван;\n", false, 1),
            ("name;contact\nАнна;7,92512E+10\n", true, 1),
            ("phone\n12345\n", true, 0),
            ("sep=,\nname,tel\nx,79251234567\n", true, 1),
        ] {
            let layout = find(text, &hello()).expect(text);
            assert_eq!((layout.has_header, layout.to), (has_header, to), "{text}");
        }
        let both = "a;b\n79251234567;79251234568\n";
        let error = find(both, &hello()).unwrap_err();
        assert_eq!((error.option, error.code), (Some("to_column"), "number_column_unclear"));
        for name in ["b", "B"] {
            let options = FileOptions { to_column: Some(name.to_owned()), ..hello() };
            assert_eq!(find(both, &options).expect("named").to, 1);
        }
        let error = find("a;b\nx;y\n", &hello()).unwrap_err();
        assert_eq!(error.code, "number_column_unclear");
    }

    #[test]
    fn a_wrong_number_in_the_first_row_does_not_make_it_names() {
        let layout = find("7,92512E+10;Анна\n79251234567;Иван\n", &hello()).expect("good");
        assert!(!layout.has_header);
        let options = FileOptions { has_header: Some(true), ..hello() };
        assert!(find("7925123;a\n79251234567;b\n", &options).expect("good").has_header);
    }

    #[test]
    fn the_text_is_an_option_or_a_column() {
        let text = "phone;Текст\n79251234567;hi\n";
        let layout = find(text, &FileOptions::default()).expect("good");
        assert!(layout.is_text_cell && layout.used == [1]);
        let layout = find(text, &hello()).expect("good");
        assert!(!layout.is_text_cell && layout.used.is_empty());
        let options = FileOptions { text_column: Some("b".to_owned()), ..FileOptions::default() };
        assert_eq!(find("79251234567;hi\n", &options).expect("good").used, [1]);
        let error = find("79251234567;hi\n", &FileOptions::default()).unwrap_err();
        assert_eq!((error.option, error.code), (Some("text"), "text_missing"));
    }

    #[test]
    fn a_file_without_rows_is_empty() {
        for text in ["", "\n\n", ";;\n", "phone;text\n", "phone;text\n;\n"] {
            assert_eq!(find(text, &hello()).unwrap_err().code, "file_empty", "{text:?}");
        }
    }
}
