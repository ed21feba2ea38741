//! The layout of a file with a message in each row: its shape, and the text.

use sms_core::NumberReader;

use super::columns::Columns;
use super::file_error::FileError;
use super::separator::Separator;
use super::shape::{Shape, ShapeOptions};
use super::table::{Row, Table};
use super::template::{Template, column_not_found};

/// Names of the column of texts.
const TEXT_NAMES: &[&str] = &["text", "текст", "message", "сообщение", "sms", "смс"];

/// Settings of a file that the caller gives. Everything else is found.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileOptions {
    pub(crate) shape: ShapeOptions,
    /// The text, with placeholders.
    pub(crate) text: Option<String>,
    /// The column of texts.
    pub(crate) text_column: Option<String>,
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
        let shape = Shape::find(text, &options.shape, numbers)?;
        let Shape { separator, has_header, columns, to } = shape;
        let (template, used, is_text_cell) = find_text(&columns, has_header, options)?;
        Ok(Self { separator, has_header, columns, to, template, used, is_text_cell })
    }

    /// The name of the column of texts; `None` if the text is an option.
    pub(crate) fn text_column(&self) -> Option<String> {
        let index = self.used.first().filter(|_| self.is_text_cell)?;
        Some(self.columns.name(*index))
    }

    /// The rows with a message each.
    pub(super) fn rows<'a>(&self, text: &'a str) -> impl Iterator<Item = Row> + use<'a> {
        Table::new(text, self.separator).skip(usize::from(self.has_header))
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

    fn of_shape(shape: ShapeOptions) -> FileOptions {
        FileOptions { shape, ..hello() }
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
            let options = of_shape(ShapeOptions {
                to_column: Some(name.to_owned()),
                ..ShapeOptions::default()
            });
            assert_eq!(find(both, &options).expect("named").to, 1);
        }
        let error = find("a;b\nx;y\n", &hello()).unwrap_err();
        assert_eq!(error.code, "number_column_unclear");
    }

    #[test]
    fn a_wrong_number_in_the_first_row_does_not_make_it_names() {
        let layout = find("7,92512E+10;Анна\n79251234567;Иван\n", &hello()).expect("good");
        assert!(!layout.has_header);
        let options = of_shape(ShapeOptions { has_header: Some(true), ..ShapeOptions::default() });
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
