//! `/v1/imports`: files of recipients, checked and then sent by a job.

pub(in crate::rest) mod checking;
pub(super) mod create;
pub(super) mod errors;
pub(super) mod list;
mod options;
pub(super) mod remove;
pub(super) mod report;
pub(super) mod send;
pub(super) mod show;
pub(super) mod view;
