//! Sending for a worker: `Provider::submit`, late replies, and the check of a paused account.

pub(crate) mod account_check;
pub(crate) mod batch;
pub(crate) mod late;
