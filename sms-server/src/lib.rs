#![doc = include_str!("../README.md")]

mod api;
pub mod callbacks;
mod check;
pub mod cli;
pub mod compose;
mod config;
pub mod http;
mod keys;
pub mod logging;
mod output;
mod run;
mod serve;

pub use api::{Api, ApiBuilder};
pub use callbacks::Callbacks;
pub use config::{Config, LogFilter, LogFormat, Role};
pub use keys::{ApiKey, KeyRing, KeyScope, Principal};
pub use output::complain;
pub use run::run;
pub use serve::serve;
