#![doc = include_str!("../README.md")]

mod account;
mod address;
mod blocked;
pub mod callback;
pub mod callcheck;
pub mod code;
pub mod code_call;
pub mod config;
pub mod cost;
mod http;
mod late;
mod line;
mod probe;
mod provider;
mod receipts;
mod recipients;
mod refusal;
pub mod send;
#[cfg(feature = "simulator")]
pub mod simulator;
mod smsru;
pub mod status;
pub mod stoplist;
mod wire;

pub use account::Quota;
pub use callback::{CallbackError, Callbacks, Record};
pub use code_call::CodeCall;
pub use config::SmsRuConfig;
pub use cost::CostRequest;
pub use refusal::Refusal;
pub use send::SendRequest;
pub use smsru::SmsRu;
