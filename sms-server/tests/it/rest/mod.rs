//! The REST API, in process.

pub(crate) mod bad_input;
mod batch;
mod estimate;
mod input;
mod keys;
mod messages;
mod provider;
mod replays;
mod scopes;
mod series;
mod stats;
mod unknown;
