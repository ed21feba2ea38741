// The README is read on a forge, too: there its links lead to files, here to items. The first
// definition counts.
//! [`sms-core`]: sms_core
//!
#![doc = include_str!("../README.md")]

mod args;
mod claim;
mod clock;
mod config;
mod connect;
mod error;
mod inference;
mod insert;
mod ledger;
mod list;
mod migrations;
mod opening;
mod page;
mod person;
#[cfg(test)]
mod plans;
mod pool;
mod purge;
mod read;
mod receipts;
mod registry;
mod row;
mod settle;
mod sql;
mod store;
mod sweep;

pub use config::PgConfig;
pub use store::PgStore;
