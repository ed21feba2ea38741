//! `/v1/jobs`: actions on many messages.

pub(super) mod failures;
pub(super) mod list;
pub(super) mod show;
pub(super) mod stop;
pub(crate) mod view;
