//! The REST API, in process.

pub(crate) mod bad_input;
mod batch;
mod bulk;
mod erasure;
mod estimate;
mod events;
mod export;
mod imports;
mod input;
mod keys;
mod messages;
mod provider;
mod recipients;
mod replays;
mod resend;
mod sandbox;
mod sandbox_codes;
mod scopes;
mod series;
mod stats;
mod stop_list;
mod trace;
mod unknown;
mod workers;
