//! The PostgreSQL store: the conformance suites, and what is PostgreSQL's own.
//!
//! `SMS_TEST_PG_URL` names a database in which schemas can be made; each test makes one of its own
//! and drops it.

// In tests these are the right words, in their helpers too.
#![allow(clippy::expect_used, clippy::panic)]

mod cancellation;
mod clock;
mod common;
mod conformance;
mod events;
mod faults;
mod nodes;
mod opening;
mod races;
mod scans;
mod transaction;
