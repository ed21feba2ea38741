//! The tests of the crate as its users see it.
// What a helper unwraps is the test's own doing, as in the tests themselves.
#![allow(clippy::unwrap_used, clippy::panic)]

mod code;
mod config;
mod conformance;
mod faults;
mod replies;
mod secrets;
mod send;
#[cfg(feature = "simulator")]
mod simulator;
mod support;
