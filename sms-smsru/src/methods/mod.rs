//! The API methods besides [`Provider::submit`](sms_core::Provider::submit): their requests and
//! results. [`SmsRu`](crate::SmsRu) calls them.

pub(crate) mod account;
pub(crate) mod callback;
pub(crate) mod callcheck;
pub(crate) mod code_call;
pub(crate) mod cost;
pub(crate) mod recipients;
pub(crate) mod send;
pub(crate) mod status;
pub(crate) mod stoplist;

pub use account::Quota;
pub use callcheck::{CallCheck, CallCheckStatus};
pub use code_call::{CodeCall, MadeCall};
pub use cost::{Cost, CostRequest, RecipientCost};
pub use send::{SendRequest, Sent};
pub use status::MessageStatus;
pub use stoplist::StopListEntry;
