//! Behaviours of every [`Store`](sms_core::Store). [`store!`](crate::store!) makes a test of each.
//!
//! Together they take every transition of the state table
//! (`sms_core::store::status::TRANSITIONS`) at least once, and see every guard refuse at least
//! once.

#![allow(missing_docs, reason = "the name of each function says what it checks")]

pub mod begin;
pub mod bulk;
pub mod cancel;
pub mod clock;
pub mod concurrent;
pub mod costs;
pub mod count;
pub mod due;
pub mod events;
pub mod expire;
pub mod insert;
pub mod late;
pub mod list;
pub mod parked;
pub mod parts;
pub mod polling;
pub mod purge;
pub mod receipts;
pub mod rescue;
pub mod resolve;
pub mod routes;
pub mod scope;
pub mod search;
pub mod settle;
pub mod stats;
pub(crate) mod steps;
pub mod timeline;
pub mod unmatched;
