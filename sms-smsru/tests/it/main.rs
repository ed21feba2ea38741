//! The tests of the crate as its users see it.

mod code;
mod config;
mod faults;
mod replies;
mod secrets;
mod send;
mod support;
