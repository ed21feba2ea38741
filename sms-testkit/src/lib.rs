#![doc = include_str!("../README.md")]
// A suite speaks through its assertions: they are what this library is for. In them `expect` and `panic` are the
// right words, as they are in any test.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic)]

mod harness;
mod macros;
pub mod model;
pub mod provider;
pub mod queue;
pub mod registry;
mod run;
pub mod store;

pub use harness::{ProviderHarness, QueueHarness, RegistryHarness, StoreHarness, Time};
#[doc(hidden)]
pub use run::{run, run_on_threads, run_without_limit};
