//! The methods of the sms.ru API other than the path of a worker.

pub(crate) mod account;
pub(crate) mod callback;
pub mod callcheck;
pub mod code_call;
pub mod cost;
pub(crate) mod recipients;
pub mod send;
pub mod status;
pub mod stoplist;
