//! `/v1/imports`: files of recipients, checked and then sent by a job.

mod checking;
mod cost;
pub(super) mod create;
pub(super) mod errors;
pub(super) mod list;
pub(super) mod options;
pub(super) mod remove;
pub(super) mod report;
mod sample;
pub(super) mod send;
pub(super) mod show;
pub(super) mod view;
