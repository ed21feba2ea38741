//! The sender and the worker together, over the memory adapters, with faults at every step.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by a panic"
)]

mod away;
mod clock;
mod ends;
mod evidence;
mod faults;
mod gather;
mod log;
mod memory_queue;
mod model;
mod optional;
mod outages;
mod outcomes;
mod panics;
mod sender;
mod shutdown;
mod simulation;
mod steering;
mod support;
mod worker;
