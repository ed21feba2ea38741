//! The format of requests and replies: [`form`] and [`send_request`] write it, [`send_reply`] and
//! [`method_reply`] read it.

pub(crate) mod form;
pub(crate) mod id;
pub(crate) mod json;
pub(crate) mod method_reply;
pub(crate) mod number;
pub(crate) mod send_reply;
pub(crate) mod send_request;
pub(crate) mod status_text;
pub(crate) mod verdict;

#[cfg(test)]
mod tests;
