// The README is read on a forge, too: there its links lead to files, here to items. The first
// definition counts.
//! [`sms-core`]: sms_core
//!
#![doc = include_str!("../README.md")]

mod book;
mod config;
mod consume;
mod error;
mod gate;
mod link;
mod publish;
mod queue;
mod shelf;
mod topology;
mod wire;

pub use config::AmqpConfig;
pub use queue::AmqpQueue;
