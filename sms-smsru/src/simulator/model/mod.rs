//! The state of the account and its messages.

pub(crate) mod account;
pub(crate) mod clock;
pub(crate) mod limits;
pub(crate) mod messages;
pub(crate) mod state;
