//! Tests of sender and worker together, over the memory adapters, with faults at every step.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by a panic"
)]

mod away;
mod batching;
mod clock;
mod connection;
mod control;
mod costs;
mod ends;
mod evidence;
mod failover;
mod faults;
mod log;
mod memory_queue;
mod model;
mod optional;
mod outages;
mod outcomes;
mod panics;
mod parts;
mod routes;
mod segments;
mod sender;
mod shutdown;
mod simulation;
mod sms;
mod stop_list;
mod support;
mod tests_kept;
mod text_retention;
mod worker;
