//! The sender and the worker together, over the memory adapters, with faults at every step.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod evidence;
mod faults;
mod gather;
mod memory_queue;
mod model;
mod outcomes;
mod sender;
mod optional;
mod shutdown;
mod panics;
mod simulation;
mod steering;
mod support;
mod worker;
