//! `/v1/selections`: messages that are chosen by a filter, to act on all of them.

pub(super) mod act;
pub(super) mod body;
pub(super) mod create;
pub(super) mod show;
