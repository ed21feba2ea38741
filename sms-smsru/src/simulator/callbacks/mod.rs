//! Callbacks to the addresses that clients registered.

pub(crate) mod post;
pub(crate) mod queue;
pub(crate) mod target;
