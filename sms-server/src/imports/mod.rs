//! Files of recipients, as spreadsheets write them: encoding, separator, columns, and a message or
//! an entry of the stop-list for each row. Pure code: nothing here reads a store or the clock.

pub(crate) mod check;
pub(crate) mod columns;
pub(crate) mod encoding;
mod file_error;
pub(crate) mod layout;
pub(crate) mod mailing;
mod numbers;
pub(crate) mod row;
pub(crate) mod separator;
pub(crate) mod shape;
pub(crate) mod stops;
pub(crate) mod table;
mod template;
#[cfg(test)]
mod tests;

pub(crate) use self::file_error::FileError;
