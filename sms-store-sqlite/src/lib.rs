// The README is read on a forge, too: there its links lead to files, here to items. The first
// definition counts.
//! [`sms-core`]: sms_core
//!
#![doc = include_str!("../README.md")]

mod claim;
mod clock;
mod config;
mod connect;
mod error;
mod files;
mod inference;
mod insert;
mod ledger;
mod list;
mod migrations;
mod opening;
mod person;
#[cfg(test)]
mod plans;
mod purge;
mod read;
mod readers;
mod receipts;
mod registry;
mod row;
mod settle;
mod sql;
mod store;
mod sweep;
mod writer;

pub use config::SqliteConfig;
pub use store::SqliteStore;
