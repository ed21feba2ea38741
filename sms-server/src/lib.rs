// The README is read on a forge, too: there its links lead to files, here to items. The first
// definition counts.
//! [`Api::router`]: Api::router
//!
#![doc = include_str!("../README.md")]

#[cfg(feature = "program")]
pub mod adapters;
mod app;
mod callbacks;
#[cfg(feature = "program")]
pub mod cli;
#[cfg(feature = "program")]
mod config;
pub mod http;
mod keys;
#[cfg(feature = "program")]
pub mod logging;
mod ops;
#[cfg(feature = "program")]
mod output;
mod rest;
#[cfg(feature = "program")]
mod serve;

pub use app::callbacks::{CallbackReader, Callbacks, CallbacksSeen, ReadCallback, path};
pub use app::{Api, ApiBuilder};
#[cfg(feature = "program")]
pub use cli::run;
#[cfg(feature = "program")]
pub use config::{Config, LogFilter, LogFormat, Role};
pub use keys::{ApiKey, KeyRing, KeyScope, Principal};
#[cfg(feature = "program")]
pub use output::complain;
#[cfg(feature = "program")]
pub use serve::serve;
