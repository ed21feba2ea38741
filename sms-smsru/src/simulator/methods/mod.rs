//! The API methods: checks, effects on the account, and replies.

mod account;
pub(crate) mod api_call;
mod auth;
mod callback;
mod callcheck;
mod code_call;
mod cost;
pub(crate) mod dispatch;
mod json;
pub(crate) mod message_request;
pub(crate) mod reply;
mod send;
mod send_check;
mod status;
mod status_text;
mod stoplist;
