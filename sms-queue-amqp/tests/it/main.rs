//! Tests of the RabbitMQ queue: the conformance suite, and the behaviour that is specific to it.

// Tests fail by panicking, and so do their helpers.
#![allow(clippy::expect_used, clippy::panic)]

mod broker;
mod config;
mod conformance;
mod loss;
mod outage;
mod panics;
mod proxy;
mod sharing;
mod support;
