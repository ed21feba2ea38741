//! The REST API.

pub(crate) mod messages;
pub(crate) mod provider;
pub(crate) mod queue;
pub(crate) mod receipts;
pub(crate) mod stats;
