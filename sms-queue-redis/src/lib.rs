// The README is read on a forge, too: there its links lead to files, here to items. The first
// definition counts.
//! [`sms-core`]: sms_core
//!
#![doc = include_str!("../README.md")]

mod address;
mod certificate_files;
mod config;
mod connection;
mod connector;
mod contract;
mod error;
mod notifier;
mod queue;
mod schedule;
mod scripts;
mod shared_connection;
mod wire;

pub use config::RedisConfig;
pub use queue::RedisQueue;
pub use secrecy;
