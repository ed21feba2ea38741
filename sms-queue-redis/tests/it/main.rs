//! Tests of the Redis queue: the conformance suite, and the behaviour that is specific to it.
//!
//! They need a Redis at `SMS_TEST_REDIS_URL`, by default `redis://127.0.0.1:6379`, and the program
//! `redis-server`.

// Tests fail by panicking, and so do their helpers.
#![allow(clippy::expect_used, clippy::panic)]

mod bounds;
#[cfg(feature = "cluster")]
mod cluster;
mod config;
mod conformance;
mod loss;
mod pulls;
mod reach;
#[cfg(feature = "sentinel")]
mod sentinel;
mod support;
#[cfg(feature = "tls")]
mod tls;
