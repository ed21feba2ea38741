//! Work over many messages that outlasts a request: selections, imports, and the jobs that act on
//! them.
//!
//! A header is a record of the registry; its items are a worklist of the same id. A job has the id
//! of the selection or import that it acts on, so that one of them never has two jobs.

pub(crate) mod actions;
mod cleaner;
pub(crate) mod import;
pub(crate) mod job;
mod kind;
mod lease;
mod records;
mod runner;
pub(crate) mod selection;

pub(crate) use self::records::Bulk;
pub(crate) use self::runner::Runner;
