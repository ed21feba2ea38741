// The README is read on a forge, too: there its links lead to files, here to items. The first
// definition counts.
//! [`sms-core`]: sms_core
//!
#![doc = include_str!("../README.md")]

mod address;
mod config;
mod connection;
mod error;
mod notifier;
mod queue;
mod shared_connection;
mod wire;

pub use config::RedisConfig;
pub use queue::RedisQueue;
