//! Migrations that a program would apply to a store.

use std::fmt;

use super::schema::SchemaLevel;
use crate::error::Result;

/// A migration that is built into the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Migration {
    /// Its level.
    pub level: i64,
    /// Its name.
    pub name: &'static str,
    /// Its SQL.
    pub script: &'static str,
}

impl Migration {
    /// A migration with this script.
    pub const fn new(level: i64, name: &'static str, script: &'static str) -> Self {
        Self { level, name, script }
    }

    /// The oldest level that a program must know after it, if it sets that.
    fn usable_from(&self) -> Option<i64> {
        let marks = ["UPDATE schema_info SET usable_from = ", "INSERT INTO schema_info VALUES ("];
        let found = marks.iter().find_map(|mark| self.script.split(mark).nth(1))?;
        let digits = found.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(found.len());
        found[..digits].parse().ok()
    }
}

/// The schema of a store, and the migrations that the program would apply to it.
///
/// Shows what it is in a few sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationPlan {
    /// The level of the schema; `None` for a store without one.
    pub level: Option<i64>,
    /// The migrations that are missing, in order.
    pub missing: Vec<Migration>,
    /// The levels after them.
    pub result: SchemaLevel,
}

impl MigrationPlan {
    /// The plan for a store with these migrations and this record of the oldest level that a
    /// program must know.
    pub fn new(applied: &[i64], usable_from: Option<i64>, all: &[Migration]) -> Self {
        let missing = all.iter().copied().filter(|it| !applied.contains(&it.level));
        let missing: Vec<Migration> = missing.collect();
        let level = applied.iter().copied().max();
        let known = all.iter().map(|it| it.level).max().unwrap_or_default();
        let usable_from = missing.iter().filter_map(Migration::usable_from).chain(usable_from);
        let usable_from = usable_from.max().unwrap_or(1);
        let result = SchemaLevel::new(level.unwrap_or_default().max(known), usable_from, known);
        Self { level, missing, result }
    }

    /// Checks that this program may use the result.
    ///
    /// # Errors
    ///
    /// `Config` when the program is too old.
    pub fn check(self) -> Result<Self> {
        self.result.check()?;
        Ok(self)
    }
}

impl fmt::Display for MigrationPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Some(level) => write!(f, "The schema of the store is at level {level}. ")?,
            None => write!(f, "The store has no schema yet. ")?,
        }
        let SchemaLevel { level, usable_from, known } = self.result;
        if self.missing.is_empty() {
            write!(f, "`migrate` has nothing to do. ")?;
        } else {
            write!(f, "`migrate` would apply")?;
            for (index, Migration { level, name, .. }) in self.missing.iter().enumerate() {
                write!(f, "{} {level} ({name})", if index == 0 { "" } else { "," })?;
            }
            write!(f, "; it is at level {level} then. ")?;
        }
        write!(
            f,
            "Programs that know level {usable_from} can use it; this one knows level {known}."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Migration; 3] = [
        Migration::new(1, "messages", "CREATE TABLE messages ();"),
        Migration::new(2, "usable from", "INSERT INTO schema_info VALUES (1);"),
        Migration::new(3, "routes", "ALTER …;\nUPDATE schema_info SET usable_from = 3;"),
    ];

    #[test]
    fn a_plan_names_what_is_missing_and_who_can_use_the_result() {
        let text = |applied: &[i64], usable_from| {
            MigrationPlan::new(applied, usable_from, &ALL).to_string()
        };
        assert_eq!(
            text(&[], None),
            "The store has no schema yet. `migrate` would apply 1 (messages), 2 (usable from), \
             3 (routes); it is at level 3 then. Programs that know level 3 can use it; this one \
             knows level 3."
        );
        assert_eq!(
            text(&[1, 2], Some(1)),
            "The schema of the store is at level 2. `migrate` would apply 3 (routes); it is at \
             level 3 then. Programs that know level 3 can use it; this one knows level 3."
        );
        assert_eq!(
            text(&[1, 2, 3, 4], Some(3)),
            "The schema of the store is at level 4. `migrate` has nothing to do. Programs that \
             know level 3 can use it; this one knows level 3."
        );
    }

    #[test]
    fn a_program_that_is_too_old_for_the_result_is_told_so() {
        let refused = MigrationPlan::new(&[1, 2, 3, 4], Some(4), &ALL).check().unwrap_err();
        assert!(refused.to_string().contains("use a newer version of the program"), "{refused}");
    }
}
