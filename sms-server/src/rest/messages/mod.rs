//! `/v1/messages`, one file for each thing to do with messages.

pub(super) mod accepted;
mod admission;
pub(super) mod batch;
pub(super) mod body;
pub(super) mod cancel;
mod charged;
pub(super) mod count;
pub(super) mod csv;
pub(super) mod filter;
mod idempotency;
mod items;
pub(super) mod list;
pub(super) mod resend;
pub(super) mod resolve;
pub(super) mod send;
pub(super) mod show;
pub(super) mod step;
mod trace;
pub(super) mod view;
mod written;
