// The README is read on a forge, too: there its links lead to files, here to items. The first
// definition counts.
//! [`Api::router`]: Api::router
//!
#![doc = include_str!("../README.md")]

mod api;
pub mod callbacks;
#[cfg(feature = "program")]
mod check;
#[cfg(feature = "program")]
pub mod cli;
#[cfg(feature = "program")]
pub mod compose;
#[cfg(feature = "program")]
mod config;
pub mod http;
mod keys;
#[cfg(feature = "program")]
pub mod logging;
#[cfg(feature = "program")]
mod output;
#[cfg(feature = "program")]
mod run;
#[cfg(feature = "program")]
mod serve;

pub use api::{Api, ApiBuilder};
pub use callbacks::Callbacks;
#[cfg(feature = "program")]
pub use config::{Config, LogFilter, LogFormat, Role};
pub use keys::{ApiKey, Client, KeyDetails, KeyRing, KeyScope, Principal};
#[cfg(feature = "program")]
pub use output::complain;
#[cfg(feature = "program")]
pub use run::run;
#[cfg(feature = "program")]
pub use serve::serve;
