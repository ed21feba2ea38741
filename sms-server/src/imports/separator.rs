//! Separators of cells.

use csv::{ReaderBuilder, StringRecord};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Rows that are looked at.
const SAMPLE_ROWS: usize = 50;

/// The separator of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CellSeparator)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Separator {
    /// That of a Russian spreadsheet, in which the comma is in numbers.
    Semicolon,
    Comma,
    Tab,
}

impl Separator {
    /// The known separators, the most likely first.
    const ALL: [Self; 3] = [Self::Semicolon, Self::Comma, Self::Tab];

    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::Semicolon => b';',
            Self::Comma => b',',
            Self::Tab => b'\t',
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "semicolon" => Some(Self::Semicolon),
            "comma" => Some(Self::Comma),
            "tab" => Some(Self::Tab),
            _ => None,
        }
    }

    /// Finds the separator of a file: the one with which most rows have as many cells as the first
    /// one, and the most cells. A file of one column has the first.
    pub(super) fn of(text: &str) -> Self {
        let best = Self::ALL.into_iter().rev().max_by_key(|separator| separator.fit(text));
        best.unwrap_or(Self::Semicolon)
    }

    /// The share of rows with the same number of cells, and that number; zeros for one cell.
    fn fit(self, text: &str) -> (usize, usize) {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.byte())
            .from_reader(text.as_bytes());
        let (mut row, mut first, mut rows, mut same) = (StringRecord::new(), 0, 0, 0);
        while rows < SAMPLE_ROWS && reader.read_record(&mut row).unwrap_or(false) {
            first = if rows == 0 { row.len() } else { first };
            rows += 1;
            same += usize::from(row.len() == first);
        }
        if first > 1 { (same * 100 / rows, first) } else { (0, 0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separator_is_found_among_the_marks_of_texts() {
        for (text, separator) in [
            ("", Separator::Semicolon),
            ("79251234567\n79251234568\n", Separator::Semicolon),
            ("phone;text\n7925;Hello, you\n7926;a, b, c\n", Separator::Semicolon),
            ("phone,text\n7925,Hello; you\n7926,a\n", Separator::Comma),
            ("phone,text\n7925,\"a;b\nc;d\"\n7926,\"x, y\"\n", Separator::Comma),
            ("phone\ttext\n7925\tHello, you; all\n7926\ta\n", Separator::Tab),
            ("a;b;c\n1;2\n1;2;3\n", Separator::Semicolon),
        ] {
            assert_eq!(Separator::of(text), separator, "{text}");
        }
    }

    #[test]
    fn a_separator_has_the_name_that_it_is_written_with() {
        for separator in Separator::ALL {
            let name = serde_json::to_value(separator).expect("JSON");
            assert_eq!(name.as_str().and_then(Separator::from_name), Some(separator));
        }
        assert_eq!(Separator::from_name("|"), None);
    }
}
