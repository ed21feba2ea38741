//! Callbacks to the addresses that a client registered.

pub(crate) mod post;
pub(crate) mod queue;
