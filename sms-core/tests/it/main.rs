//! The sender and the worker together, over the memory adapters, with faults at every step.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod faults;
mod outcomes;
mod shutdown;
mod simulation;
mod support;
mod worker;
