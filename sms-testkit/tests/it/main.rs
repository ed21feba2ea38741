//! Tests of the suites on the adapters of the core, and of the fault tools on real servers and
//! connections.

// Helpers of tests may panic, too.
#![allow(clippy::expect_used, clippy::panic)]

mod faulty;
mod lists;
mod memory;
mod providers;

#[cfg(feature = "services")]
mod postgres;
#[cfg(feature = "services")]
mod proxy;
#[cfg(feature = "services")]
mod rabbitmq;
#[cfg(feature = "services")]
mod redis;
#[cfg(feature = "services")]
mod rerun;
#[cfg(feature = "services")]
mod services;
#[cfg(feature = "services")]
mod wire;
