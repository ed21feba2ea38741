// The README is read on a forge, too: there its links lead to files, here to items. The first
// definition counts.
//! [`sms-core`]: sms_core
//!
#![doc = include_str!("../README.md")]

mod availability;
mod backoff;
mod config;
mod connection;
mod consuming;
mod contract;
mod error;
mod publishing;
mod queue;
mod topology;
mod wire;

pub use config::AmqpConfig;
pub use queue::AmqpQueue;
