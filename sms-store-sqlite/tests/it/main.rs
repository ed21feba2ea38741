//! The SQLite store: the conformance suites, and tests of its own.

// Allowed in tests, also in their helper functions.
#![allow(clippy::expect_used)]

mod cancellation;
mod clock;
mod common;
mod conformance;
mod crash;
mod erasure;
mod faults;
mod files;
mod opening;
mod schema;
mod sharing;
mod transaction;
