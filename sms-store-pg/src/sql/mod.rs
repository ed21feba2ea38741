//! The statements, each next to the code that binds it, with the row of the state table it carries
//! out.
//!
//! * The time is `$1` of a statement that needs it; see [`clock`](crate::clock).
//! * Numbers of states are literals, because a partial index is used only if the query has the
//!   literal condition of the index. `status + 0` and `CASE status` keep such an index from being
//!   used where the ids are known; `CASE` also tells the planner that the guard nearly always
//!   holds. 0 queued, 1 sending, 2 sent, 3 delivered, 4 undelivered, 5 failed, 6 unknown, 7
//!   expired, 8 cancelled.
//! * Wherever ids are known, the condition `id = ANY(…)` is there, even in addition to a join on
//!   the same ids. The row is then found by its id, whatever the planner believes about the size of
//!   the table, and rows are locked in the order of their ids, so that two statements never wait
//!   for each other.
//! * `OFFSET 0` keeps a lookup a lookup: one search of the index for each row.

pub(crate) mod args;
pub(crate) mod claim;
pub(crate) mod commons;
pub(crate) mod erasure;
pub(crate) mod filter;
pub(crate) mod fragments;
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
