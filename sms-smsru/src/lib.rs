#![doc = include_str!("../README.md")]

mod address;
pub mod code;
pub mod config;
mod http;
#[cfg(feature = "simulator")]
pub mod simulator;
mod smsru;
mod wire;

pub use config::SmsRuConfig;
pub use smsru::SmsRu;
