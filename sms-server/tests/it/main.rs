//! Tests of the server: its API in process, and the real program from outside.

// The helpers of tests fail them in the same words as the tests do.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod api;
mod app;
mod bad_input;
mod batch;
mod callbacks;
mod input;
mod keys;
mod kill;
mod leaks;
mod log;
#[cfg(all(feature = "pg", feature = "redis", feature = "amqp"))]
mod many;
mod memory;
mod process;
mod program;
mod provider;
#[cfg(feature = "sqlite")]
mod readiness;
mod replays;
mod scopes;
mod smsru;
mod starts;
mod stats;
mod unknown;
