//! The behaviours every [`Store`](sms_core::Store) has. [`store!`](crate::store!) makes a test of
//! each.
//!
//! Every row of the state table (`sms_core::state::TRANSITIONS`) is walked at least once, and every
//! guard is seen to refuse at least once.

#![allow(missing_docs, reason = "each name says what is broken when its test fails")]

pub mod begin;
pub mod cancel;
pub mod clock;
pub mod concurrent;
pub mod due;
pub mod events;
pub mod expire;
pub mod insert;
pub mod late;
pub mod list;
pub mod parked;
pub mod polling;
pub mod purge;
pub mod receipts;
pub mod rescue;
pub mod resolve;
pub mod scope;
pub mod search;
pub mod settle;
pub mod stats;
mod steps;
pub mod timeline;
pub mod unmatched;
