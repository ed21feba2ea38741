//! Tests of the server: its API in process, and the real program from outside.

// The helpers of tests fail them in the same words as the tests do.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod app;
mod bulk_kill;
mod callbacks;
mod cli;
mod data;
mod http;
mod import_kill;
mod kept;
mod keys;
mod kill;
mod leaks;
mod logging;
#[cfg(all(feature = "pg", feature = "redis", feature = "amqp"))]
mod many;
mod ops;
mod process;
mod record;
mod rest;
mod secrets;
mod smsru;
mod ui;
