//! The RabbitMQ queue: the conformance suite, and what is RabbitMQ's own.

// In tests these are the right words, in their helpers too.
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
