// On a forge the links of the README lead to files, here they lead to items. The first definition
// of a link counts.
//! [`sms-core`]: sms_core
//! [`SmsRu`]: SmsRu
//! [`SmsRuConfig`]: SmsRuConfig
//! [`SendRequest`]: SendRequest
//! [`CostRequest`]: CostRequest
//! [`methods`]: methods
//! [`callback`]: callback
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
//! [`CallbackReader`]: CallbackReader
//! [`Record::Other`]: Record::Other
//!
#![doc = include_str!("../README.md")]

mod address;
pub mod callback;
mod client;
pub mod code;
mod config;
mod contract;
mod credentials;
mod error;
mod hex;
pub mod methods;
mod prices;
mod receipt;
mod refusal;
#[cfg(feature = "simulator")]
pub mod simulator;
mod smsru;
mod submit;
mod wire;

pub use callback::{CallbackError, CallbackReader, Record};
pub use config::{MAX_BATCH, SmsRuConfig};
pub use methods::{CodeCall, CostRequest, Quota, SendRequest};
pub use refusal::Refusal;
pub use secrecy;
pub use smsru::SmsRu;
