//! Columns of a file, found by their names.

/// Columns that are read. Further ones are ignored.
pub(crate) const MAX_COLUMNS: usize = 100;
/// Characters of a name that are kept.
const MAX_NAME: usize = 100;

/// The columns of a file: named by the first row, else by letters as in a spreadsheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Columns(Vec<String>);

/// The reason why a column was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotFound {
    Unknown,
    /// Several columns have the name.
    Repeated,
}

impl Columns {
    /// Columns with the names in these cells.
    pub(super) fn named<'a>(cells: impl Iterator<Item = &'a str>) -> Self {
        let name = |(index, cell): (usize, &str)| match cell.trim() {
            "" => letters(index),
            name => name.chars().take(MAX_NAME).collect(),
        };
        Self(cells.take(MAX_COLUMNS).enumerate().map(name).collect())
    }

    /// Columns without names.
    pub(super) fn lettered(count: usize) -> Self {
        Self((0..count.min(MAX_COLUMNS)).map(letters).collect())
    }

    /// The index of the column with this name or, if none has it, this letter. Case does not
    /// matter.
    pub(super) fn find(&self, name: &str) -> Result<usize, NotFound> {
        let name = name.trim().to_lowercase();
        let has_name =
            |(index, own): (usize, &String)| (own.to_lowercase() == name).then_some(index);
        let mut found = self.0.iter().enumerate().filter_map(has_name);
        match (found.next(), found.next()) {
            (Some(index), None) => Ok(index),
            (Some(_), Some(_)) => Err(NotFound::Repeated),
            (None, _) => (0..self.0.len())
                .find(|index| letters(*index).eq_ignore_ascii_case(&name))
                .ok_or(NotFound::Unknown),
        }
    }

    /// The index of the first column with one of these names, in lower case.
    pub(super) fn find_any(&self, names: &[&str]) -> Option<usize> {
        self.0.iter().position(|own| names.contains(&own.to_lowercase().as_str()))
    }

    /// The name of a column; its letter where the file has no such column.
    pub(crate) fn name(&self, index: usize) -> String {
        self.0.get(index).cloned().unwrap_or_else(|| letters(index))
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.0
    }
}

/// The letters of a column in a spreadsheet: A, B, … Z, AA, AB, …
fn letters(index: usize) -> String {
    let letter = char::from(b'A' + u8::try_from(index % 26).unwrap_or_default());
    match index / 26 {
        0 => letter.to_string(),
        rest => letters(rest - 1) + &letter.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_found_by_its_name_else_by_its_letter() {
        let columns = Columns::named([" Телефон ", "B", "", "Имя", "имя"].into_iter());
        assert_eq!(columns.find("телефон"), Ok(0));
        assert_eq!(columns.find("b"), Ok(1));
        assert_eq!(columns.find("C"), Ok(2));
        assert_eq!(columns.find("A"), Ok(0));
        assert_eq!(columns.find("ИМЯ"), Err(NotFound::Repeated));
        assert_eq!(columns.find("F"), Err(NotFound::Unknown));
        assert_eq!(columns.find(""), Err(NotFound::Unknown));
        assert_eq!(columns.find_any(&["phone", "телефон"]), Some(0));
        assert_eq!((columns.name(3), columns.name(27)), ("Имя".to_owned(), "AB".to_owned()));
    }

    #[test]
    fn letters_are_those_of_a_spreadsheet() {
        let named = [0, 25, 26, 51, 52, 701, 702].map(letters);
        assert_eq!(named, ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
        assert_eq!(Columns::lettered(1000).names().len(), MAX_COLUMNS);
    }
}
