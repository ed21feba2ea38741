//! Arguments of statements, and statements over many rows of them.

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use sms_core::{Error, ErrorKind, MessageId, Result};
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe, Encode, SqlSafeStr as _, SqlStr, Sqlite, Type};

/// Owned arguments of a statement, so that it can run in a task of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Args(SqliteArguments);

impl Args {
    /// Adds one argument.
    pub(crate) fn push<'t, T: Encode<'t, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> Result<()> {
        let refused =
            |error| Error::new(ErrorKind::Internal, "an argument cannot be encoded").with_source(error);
        self.0.add(value).map_err(refused)
    }

    pub(crate) fn into_inner(self) -> SqliteArguments {
        self.0
    }
}

/// A list of ids for `json_each(?)`: a list of any length in one argument, so that there is one statement to prepare.
pub(crate) fn id_list<'a>(ids: impl IntoIterator<Item = &'a MessageId>) -> String {
    let mut list = String::from("[");
    for id in ids {
        list.push_str(if list.len() > 1 { ",\"" } else { "\"" });
        for byte in id.as_bytes() {
            // Writing to a string cannot fail.
            let _ = write!(list, "{byte:02x}");
        }
        list.push('"');
    }
    list.push(']');
    list
}

/// The numbers of rows a [`RowsStatement`] is prepared for: powers of two up to this.
const MOST_ROWS: usize = 256;
const SIZES: usize = MOST_ROWS.ilog2() as usize + 1;

/// A statement over rows of arguments, written as `VALUES (?, …), (?, …), …`.
///
/// Bound values need no parsing on the connection's thread, as rows in one JSON argument would. So that few variants have to
/// be prepared, the number of rows is rounded up to a power of two; arguments that are not bound are NULL, and a row whose
/// first column is NULL is one that the statement must leave out.
#[derive(Debug)]
pub(crate) struct RowsStatement {
    before: &'static str,
    after: &'static str,
    width: usize,
    sql: [OnceLock<Arc<str>>; SIZES],
}

impl RowsStatement {
    /// The statement `before (VALUES …) after` over rows of `width` columns, named `column1`, `column2`, ….
    pub(crate) const fn new(before: &'static str, width: usize, after: &'static str) -> Self {
        Self { before, after, width, sql: [const { OnceLock::new() }; SIZES] }
    }

    /// Its text for up to [`MOST_ROWS`] rows.
    pub(crate) fn text(&self, rows: usize) -> SqlStr {
        let size = size(rows);
        let text = self.sql[size.ilog2() as usize].get_or_init(|| self.write(size).into());
        AssertSqlSafe(Arc::clone(text)).into_sql_str()
    }

    fn write(&self, size: usize) -> String {
        let row = format!("({})", vec!["?"; self.width].join(","));
        format!("{}(VALUES {}){}", self.before, vec![row; size].join(","), self.after)
    }

    /// Cuts rows into pieces and writes a statement for each.
    pub(crate) fn pieces<R>(
        &self,
        rows: &[R],
        mut push: impl FnMut(&mut Args, &R) -> Result<()>,
    ) -> Result<Vec<Piece>> {
        let piece = |rows: &[R]| {
            let mut args = Args::default();
            args.0.reserve(rows.len() * self.width, 0);
            for row in rows {
                push(&mut args, row)?;
            }
            debug_assert_eq!(args.0.len(), rows.len() * self.width, "{}", self.before);
            Ok(Piece { sql: self.text(rows.len()), args })
        };
        rows.chunks(MOST_ROWS).map(piece).collect()
    }
}

/// The number of rows a statement is prepared for, to take this many.
fn size(rows: usize) -> usize {
    rows.max(1).next_power_of_two().min(MOST_ROWS)
}

/// Two statements over the same number of rows, and a question after them, in one go: each trip to the connection's thread
/// and back costs as much as several rows.
#[derive(Debug)]
pub(crate) struct RowsScript {
    first: &'static RowsStatement,
    second: &'static RowsStatement,
    question: &'static str,
    sql: [OnceLock<Arc<str>>; SIZES],
}

impl RowsScript {
    pub(crate) const fn new(
        first: &'static RowsStatement,
        second: &'static RowsStatement,
        question: &'static str,
    ) -> Self {
        Self { first, second, question, sql: [const { OnceLock::new() }; SIZES] }
    }

    /// Cuts rows into pieces and writes a script for each.
    pub(crate) fn pieces<R>(
        &'static self,
        rows: &[R],
        mut push_first: impl FnMut(&mut Args, &R) -> Result<()>,
        mut push_second: impl FnMut(&mut Args, &R) -> Result<()>,
    ) -> Result<Vec<Piece>> {
        let piece = |rows: &[R]| {
            let size = size(rows.len());
            let mut args = Args::default();
            args.0.reserve(size * self.first.width + rows.len() * self.second.width, 0);
            for row in rows {
                push_first(&mut args, row)?;
            }
            // Only what comes last may be left unbound.
            for _ in rows.len() * self.first.width..size * self.first.width {
                args.push(None::<i64>)?;
            }
            for row in rows {
                push_second(&mut args, row)?;
            }
            let text = self.sql[size.ilog2() as usize].get_or_init(|| {
                format!("{}; {}; {}", self.first.write(size), self.second.write(size), self.question).into()
            });
            Ok(Piece { sql: AssertSqlSafe(Arc::clone(text)).into_sql_str(), args })
        };
        rows.chunks(MOST_ROWS).map(piece).collect()
    }
}

/// A statement over at most [`MOST_ROWS`] rows, with its arguments.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    sql: SqlStr,
    args: Args,
}

impl Piece {
    /// The statement, to be run once.
    pub(crate) fn query(self) -> sqlx::query::Query<'static, Sqlite, SqliteArguments> {
        sqlx::query_with(self.sql, self.args.into_inner())
    }
}
