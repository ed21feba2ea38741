//! `/v1/sandbox`: the messages that the sandbox took in place of a provider, and its rules.

mod found_code;
mod inbox;
pub(super) mod latest;
pub(super) mod messages;
mod partition;
pub(super) mod rules;
pub(super) mod view;
