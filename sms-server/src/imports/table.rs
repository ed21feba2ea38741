//! Rows of a file, each with its number as a spreadsheet shows it.

use csv::{Reader, ReaderBuilder, StringRecord};

use super::separator::Separator;

/// The line by which Excel is told the separator: `sep=;`.
const SEPARATOR_LINE: &str = "sep=";

/// The rows of a file that have a cell which is not blank.
#[derive(Debug)]
pub(super) struct Table<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
    /// The number of the last row that was read.
    number: u64,
}

/// A row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// Its number, counted from 1. A cell with line breaks does not count as several rows.
    pub(super) number: u64,
    cells: StringRecord,
    /// The file ends inside of a quoted cell.
    pub(super) is_open: bool,
}

impl Row {
    /// A cell without blanks around it; empty where the row is too short.
    pub(super) fn cell(&self, index: usize) -> &str {
        self.cells.get(index).unwrap_or_default().trim()
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = &str> {
        self.cells.iter().map(str::trim)
    }

    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }
}

impl<'a> Table<'a> {
    /// The rows of a file with this separator. A line that names it has the first number.
    pub(super) fn new(text: &'a str, separator: Separator) -> Self {
        let (number, text) = match separator_line(text) {
            Some((_, rest)) => (1, rest),
            None => (0, text),
        };
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator.byte())
            .from_reader(text.as_bytes());
        Self { text, reader, number }
    }

    fn place(&self) -> usize {
        usize::try_from(self.reader.position().byte()).unwrap_or(usize::MAX)
    }

    fn read(&mut self) -> Option<Row> {
        let start = self.place();
        let mut cells = StringRecord::new();
        if !self.reader.read_record(&mut cells).unwrap_or(false) {
            return None;
        }
        let raw = self.text.get(start..self.place()).unwrap_or_default();
        self.number += 1 + blank_lines(self.text.get(..start).unwrap_or_default(), raw);
        let is_last = self.place() >= self.text.len();
        let has_break = cells.iter().any(|cell| cell.contains('\n'));
        let is_open = is_last && has_break && raw.matches('"').count() % 2 == 1;
        Some(Row { number: self.number, cells, is_open })
    }
}

impl Iterator for Table<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        loop {
            let row = self.read()?;
            if row.cells().any(|cell| !cell.is_empty()) {
                return Some(row);
            }
        }
    }
}

/// Numbers of blank lines at the beginning of `raw`: the reader skips them, and a spreadsheet shows
/// them as rows. The second half of a line break that ends `before` is none of them.
fn blank_lines(before: &str, raw: &str) -> u64 {
    let (mut lines, mut last) = (0, before.bytes().next_back());
    for byte in raw.bytes().take_while(|byte| matches!(byte, b'\r' | b'\n')) {
        lines += u64::from(!(byte == b'\n' && last == Some(b'\r')));
        last = Some(byte);
    }
    lines
}

/// The separator that the first line of a file names, and the rest of the file.
pub(super) fn separator_line(text: &str) -> Option<(Separator, &str)> {
    let (line, rest) = text.split_once('\n')?;
    let named = line.trim_end_matches('\r').strip_prefix(SEPARATOR_LINE)?;
    let separator = match named {
        ";" => Separator::Semicolon,
        "," => Separator::Comma,
        "\t" => Separator::Tab,
        _ => return None,
    };
    Some((separator, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(u64, Vec<String>)> {
        let separator = separator_line(text).map_or(Separator::Semicolon, |(named, _)| named);
        let table = Table::new(text, separator);
        table.map(|row| (row.number, row.cells().map(str::to_owned).collect())).collect()
    }

    #[test]
    fn rows_have_the_numbers_that_a_spreadsheet_shows() {
        for line_break in ["\n", "\r\n", "\r"] {
            let text = ["a;b", "", "", "1;\"x\ny\"", ";;", "2;z", ""].join(line_break);
            let numbers: Vec<u64> = rows(&text).into_iter().map(|(number, _)| number).collect();
            assert_eq!(numbers, [1, 4, 6], "{text:?}");
        }
        let text = "\n\na\n";
        assert_eq!(rows(text), [(3, vec!["a".to_owned()])]);
    }

    #[test]
    fn a_line_that_names_the_separator_is_a_row_of_the_file() {
        let row = |number, cells: [&str; 2]| (number, cells.map(str::to_owned).to_vec());
        assert_eq!(rows("sep=,\r\na,b\r\n"), [row(2, ["a", "b"])]);
        assert_eq!(separator_line("sep=|\na|b"), None);
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_is_noticed() {
        let last = |text| Table::new(text, Separator::Semicolon).last().expect("a row");
        for (text, is_open) in [
            ("1;\"a\n2;b\n3;c", true),
            ("1;\"a\n2;b\"\n3;c", false),
            ("1;a\n2;\"b\nc\"", false),
            ("1;a\n2;5\" b", false),
            ("1;\"a \"\"b\"\"\nc\"", false),
        ] {
            assert_eq!(last(text).is_open, is_open, "{text}");
        }
    }
}
