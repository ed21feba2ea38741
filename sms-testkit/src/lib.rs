// The README is shown on a forge, too, where its links lead to files. Here they lead to items: the
// first definition of a link counts.
//! [`erasure!`]: erasure!
//! [`ErasureHarness`]: ErasureHarness
//! [`store!`]: store!
//! [`StoreHarness`]: StoreHarness
//! [`queue!`]: queue!
//! [`QueueHarness`]: QueueHarness
//! [`provider!`]: provider!
//! [`ProviderHarness`]: ProviderHarness
//! [`registry!`]: registry!
//! [`RegistryHarness`]: RegistryHarness
//! [`rollups!`]: rollups!
//! [`RollupsHarness`]: RollupsHarness
//! [`stop_list!`]: stop_list!
//! [`StopListHarness`]: StopListHarness
//! [`Time`]: Time
//! [`worklists!`]: worklists!
//! [`WorklistsHarness`]: WorklistsHarness
//! [ProviderHarness::refusing]: ProviderHarness::refusing
//!
#![doc = include_str!("../README.md")]
// The suites are tests, which may panic.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic)]

#[cfg(feature = "services")]
mod address;
pub mod erasure;
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
pub mod rollups;
mod runtime;
#[cfg(feature = "services")]
pub mod services;
pub mod stop_list;
pub mod store;
pub mod traces;
pub mod waiting;
pub mod worklists;

pub use harness::{
    ErasureHarness, ProviderHarness, QueueHarness, RegistryHarness, RollupsHarness,
    StopListHarness, StoreHarness, Time, WorklistsHarness,
};
#[doc(hidden)]
pub use runtime::{run, run_on_threads, run_without_limit};
