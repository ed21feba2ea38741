//! Compatibility of a program with the schema of a store.

use std::fmt;

use crate::error::{Error, ErrorKind, Result};

/// Level of the schema of a store, compared with the level that this program knows.
///
/// Each migration is a level. A store also records the lowest level that a program must know to use
/// it. So the programs of two releases can share a store during an update, and a program that is
/// too old refuses it instead of misreading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaLevel {
    /// The newest migration that has been applied.
    pub level: i64,
    /// The lowest level that a program must know to use it.
    pub usable_from: i64,
    /// The newest migration this program knows.
    pub known: i64,
}

impl SchemaLevel {
    /// The levels that a store has recorded, and the level that this program knows.
    pub const fn new(level: i64, usable_from: i64, known: i64) -> Self {
        Self { level, usable_from, known }
    }

    /// Returns true if a newer program has migrated the store.
    pub const fn is_newer(self) -> bool {
        self.level > self.known
    }

    /// Checks that this program may use the store.
    ///
    /// # Errors
    ///
    /// `Config` when the program does not know the level that the store needs.
    pub fn check(self) -> Result<Self> {
        let Self { level, usable_from, known } = self;
        if usable_from <= known {
            return Ok(self);
        }
        let message = format!(
            "the schema of the store is at level {level} and needs a program that knows level \
             {usable_from} or later; this one knows level {known}: use a newer version of the \
             program"
        );
        Err(Error::new(ErrorKind::Config, message))
    }
}

/// Shows one line, such as `at level 3, the newest that this program knows`.
impl fmt::Display for SchemaLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, known, .. } = self;
        if self.is_newer() {
            write!(f, "at level {level}; this program knows level {known}, and may use it")
        } else {
            write!(f, "at level {level}, the newest that this program knows")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_schema_is_used_as_long_as_it_may_be_and_called_newer() {
        let same = SchemaLevel::new(3, 2, 3).check().expect("usable");
        assert_eq!(same.to_string(), "at level 3, the newest that this program knows");
        let newer = SchemaLevel::new(7, 3, 3).check().expect("usable");
        assert_eq!(newer.to_string(), "at level 7; this program knows level 3, and may use it");
    }

    #[test]
    fn a_schema_that_needs_a_newer_program_is_refused_with_what_to_do() {
        let refused = SchemaLevel::new(7, 4, 3).check().expect_err("too old");
        assert_eq!(refused.kind(), ErrorKind::Config);
        assert_eq!(
            refused.to_string(),
            "the schema of the store is at level 7 and needs a program that knows level 4 or \
             later; this one knows level 3: use a newer version of the program"
        );
    }
}
