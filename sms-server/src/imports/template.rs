//! Texts with placeholders: `{name}` stands for the cell of the column with that name.

use serde::{Deserialize, Serialize};

use super::columns::{Columns, NotFound};
use super::file_error::FileError;

/// The option with the text.
const TEXT: &str = "text";

/// A text, cut at its placeholders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Piece {
    Text(String),
    /// The value with this index.
    Value(usize),
}

impl Template {
    /// The text that is a cell.
    pub(super) fn of_cell() -> Self {
        Self(vec![Piece::Value(0)])
    }

    /// Reads a text; returns the columns of its values, too. `{{` and `}}` stand for braces.
    pub(super) fn read(text: &str, columns: &Columns) -> Result<(Self, Vec<usize>), FileError> {
        let (mut pieces, mut used) = (Vec::new(), Vec::new());
        let (mut plain, mut rest) = (String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from_brace) = rest.split_at(at);
            plain.push_str(before);
            if from_brace.starts_with("{{") || from_brace.starts_with("}}") {
                plain.push_str(&from_brace[..1]);
                rest = &from_brace[2..];
            } else if let Some(after) = from_brace.strip_prefix('{') {
                let (name, after) = after.split_once('}').ok_or_else(unclosed)?;
                let column = columns.find(name).map_err(|why| not_found(why, name, columns))?;
                let value = used.iter().position(|known| *known == column).unwrap_or(used.len());
                if value == used.len() {
                    used.push(column);
                }
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Value(value));
                rest = after;
            } else {
                plain.push('}');
                rest = &from_brace[1..];
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok((Self(pieces), used))
    }

    /// The text with these values.
    pub(super) fn fill(&self, values: &[String]) -> String {
        let piece = |piece: &'_ Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Value(index) => values.get(*index).cloned().unwrap_or_default(),
        };
        self.0.iter().map(piece).collect()
    }
}

fn unclosed() -> FileError {
    let detail = "has a { without a }; write {{ for a brace";
    FileError::of_option(TEXT, "template_invalid", detail)
}

fn not_found(why: NotFound, name: &str, columns: &Columns) -> FileError {
    column_not_found(TEXT, why, name, columns)
}

/// The error of an option that names a column.
pub(super) fn column_not_found(
    option: &'static str,
    why: NotFound,
    name: &str,
    columns: &Columns,
) -> FileError {
    match why {
        NotFound::Unknown => {
            let known = columns.names().join(", ");
            let detail = format!("the file has no column named {name}; its columns are {known}");
            FileError::of_option(option, "column_unknown", detail)
        }
        NotFound::Repeated => {
            let detail = format!("several columns of the file are named {name}");
            FileError::of_option(option, "column_repeated", detail)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Columns {
        Columns::named(["phone", "Имя", "sum", "sum"].into_iter())
    }

    #[test]
    fn placeholders_are_filled() {
        let values = ["Анна".to_owned(), "+79251234567".to_owned()];
        for (text, expected) in [
            ("", ""),
            ("Код 1234", "Код 1234"),
            ("{имя}, {phone}!", "Анна, +79251234567!"),
            ("{ Имя }{имя} {B}", "АннаАнна Анна"),
            ("{{имя}} {имя}}", "{имя} Анна}"),
            ("a } b {{ c", "a } b { c"),
        ] {
            let (template, used) = Template::read(text, &columns()).expect(text);
            assert_eq!(template.fill(&values[..used.len()]), expected, "{text}");
        }
        let (_, used) = Template::read("{имя} {phone} {имя}", &columns()).expect("good");
        assert_eq!(used, [1, 0]);
    }

    #[test]
    fn what_is_wrong_with_a_placeholder_is_named() {
        for (text, code, words) in [
            ("{", "template_invalid", "{{"),
            ("Hello {имя", "template_invalid", "without a }"),
            ("{name}", "column_unknown", "phone, Имя, sum, sum"),
            ("{}", "column_unknown", "named ;"),
            ("{sum}", "column_repeated", "several"),
        ] {
            let error = Template::read(text, &columns()).unwrap_err();
            assert_eq!((error.option, error.code), (Some("text"), code), "{text}");
            assert!(error.detail.contains(words), "{error:?}");
        }
    }
}
