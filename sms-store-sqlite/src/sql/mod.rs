//! The statements, each next to the code that binds it, with the row of the state table it carries
//! out.
//!
//! Numbers of states are literals, because a partial index is used only if the query has the
//! literal condition of the index. `+status` keeps such an index from being used where the ids are
//! known. 0 queued, 1 sending, 2 sent, 3 delivered, 4 undelivered, 5 failed, 6 unknown, 7 expired,
//! 8 cancelled.

pub(crate) mod args;
pub(crate) mod claim;
pub(crate) mod erasure;
pub(crate) mod idempotency;
pub(crate) mod inference;
pub(crate) mod insert;
pub(crate) mod ledger;
pub(crate) mod list;
pub(crate) mod maintenance;
pub(crate) mod manual;
#[cfg(test)]
mod plans;
pub(crate) mod read;
pub(crate) mod receipts;
pub(crate) mod registry;
pub(crate) mod rollups;
pub(crate) mod row;
pub(crate) mod settle;
pub(crate) mod stop_list;
pub(crate) mod transfer;
pub(crate) mod worklists;
