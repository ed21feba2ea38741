//! The suites themselves, on the adapters of the core; the fault tools on servers and connections
//! of their own.

// In tests these are the right words, in their helpers too.
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
