//! The methods of the sms.ru API.

pub(crate) mod auth;
pub(crate) mod callback;
pub(crate) mod callcheck;
pub(crate) mod code_call;
pub(crate) mod cost;
pub(crate) mod dispatch;
pub(crate) mod json;
pub(crate) mod message_request;
pub(crate) mod reply;
pub(crate) mod send;
pub(crate) mod send_check;
pub(crate) mod status;
pub(crate) mod status_text;
pub(crate) mod stoplist;
