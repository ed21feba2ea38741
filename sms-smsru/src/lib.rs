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

mod address;
pub mod callback;
mod client;
pub mod code;
pub mod config;
pub mod methods;
mod receipt;
mod refusal;
#[cfg(feature = "simulator")]
pub mod simulator;
mod smsru;
mod submit;
mod wire;

pub use callback::{CallbackError, Callbacks, Record};
pub use config::SmsRuConfig;
pub use methods::account::Quota;
pub use methods::code_call::CodeCall;
pub use methods::cost::CostRequest;
pub use methods::send::SendRequest;
pub use refusal::Refusal;
pub use smsru::SmsRu;
