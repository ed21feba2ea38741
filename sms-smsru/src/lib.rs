// The README is read on a forge, too: there its links lead to files, here to items. The first
// definition counts.
//! [`sms-core`]: sms_core
//! [`code`]: code
//! [SmsRu::send]: SmsRu::send
//! [SmsRu::status]: SmsRu::status
//! [SmsRu::cost]: SmsRu::cost
//! [SmsRu::check_auth]: SmsRu::check_auth
//! [SmsRu::balance]: SmsRu::balance
//! [SmsRu::limit]: SmsRu::limit
//! [SmsRu::free]: SmsRu::free
//! [SmsRu::senders]: SmsRu::senders
//! [SmsRu::stoplist_add]: SmsRu::stoplist_add
//! [SmsRu::stoplist_del]: SmsRu::stoplist_del
//! [SmsRu::stoplist_get]: SmsRu::stoplist_get
//! [SmsRu::callback_add]: SmsRu::callback_add
//! [SmsRu::callback_del]: SmsRu::callback_del
//! [SmsRu::callback_get]: SmsRu::callback_get
//! [SmsRu::code_call]: SmsRu::code_call
//! [SmsRu::callcheck_add]: SmsRu::callcheck_add
//! [SmsRu::callcheck_status]: SmsRu::callcheck_status
//! [`Refusal`]: Refusal
//! [`CodeCall::Unknown`]: CodeCall::Unknown
//! [`Callbacks`]: Callbacks
//! [`Record::Other`]: Record::Other
//!
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
