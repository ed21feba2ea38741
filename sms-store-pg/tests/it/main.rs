//! The PostgreSQL store: the conformance suites, and tests of its own.

// Allowed in tests, also in their helper functions.
#![allow(clippy::expect_used, clippy::panic)]

mod cancellation;
mod clock;
mod common;
mod conformance;
mod erasure;
mod events;
mod faults;
mod nodes;
mod opening;
mod races;
mod scans;
mod schema;
mod transaction;
