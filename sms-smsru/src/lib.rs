#![doc = include_str!("../README.md")]

pub mod code;
pub mod config;
mod http;
mod smsru;
mod wire;

pub use config::SmsRuConfig;
pub use smsru::SmsRu;
