//! The SQLite store: the conformance suites, and what is SQLite's own.

// In tests these are the right words, in their helpers too.
#![allow(clippy::expect_used)]

mod cancellation;
mod clock;
mod common;
mod conformance;
mod crash;
mod faults;
mod opening;
mod sharing;
mod transaction;
