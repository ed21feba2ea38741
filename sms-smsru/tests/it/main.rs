//! Tests of the public interface.
// Helpers may panic for the same reason as tests.
#![allow(clippy::unwrap_used, clippy::panic)]

mod account;
#[cfg(feature = "simulator")]
mod against_simulator;
mod callbacks;
mod check;
mod code;
mod config;
mod conformance;
mod faults;
mod late;
mod methods;
mod receipts;
mod replies;
mod secrets;
mod send;
mod sha256;
#[cfg(feature = "simulator")]
mod simulator;
mod support;
mod ttl;
