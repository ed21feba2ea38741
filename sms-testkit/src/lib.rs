// The README is read on a forge, too: there its links lead to files, here to items. The first
// definition counts.
//! [`store!`]: store!
//! [`StoreHarness`]: StoreHarness
//! [`queue!`]: queue!
//! [`QueueHarness`]: QueueHarness
//! [`provider!`]: provider!
//! [`ProviderHarness`]: ProviderHarness
//! [`registry!`]: registry!
//! [`RegistryHarness`]: RegistryHarness
//! [`Time`]: Time
//! [ProviderHarness::refusing]: ProviderHarness::refusing
//!
#![doc = include_str!("../README.md")]
// A suite speaks through its assertions: they are what this library is for. In them `expect` and
// `panic` are the right words, as they are in any test.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic)]

#[cfg(feature = "services")]
mod address;
mod harness;
#[cfg(feature = "services")]
pub mod instances;
mod macros;
pub mod model;
#[cfg(feature = "services")]
mod ports;
pub mod provider;
#[cfg(feature = "services")]
pub mod proxy;
pub mod queue;
pub mod registry;
mod runtime;
#[cfg(feature = "services")]
pub mod services;
pub mod store;
pub mod waiting;

pub use harness::{ProviderHarness, QueueHarness, RegistryHarness, StoreHarness, Time};
#[doc(hidden)]
pub use runtime::{run, run_on_threads, run_without_limit};
