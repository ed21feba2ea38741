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
