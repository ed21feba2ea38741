#![doc = include_str!("../README.md")]

mod address;
mod bell;
mod config;
mod connection;
mod error;
mod link;
mod queue;
mod wire;

pub use config::RedisConfig;
pub use queue::RedisQueue;
