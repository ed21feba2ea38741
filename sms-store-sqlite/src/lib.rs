// The README is read on a forge, too: there its links lead to files, here to items. The first
// definition counts.
//! [`sms-core`]: sms_core
//!
#![doc = include_str!("../README.md")]

mod backup;
mod clock;
mod config;
mod connect;
mod contract;
mod database;
mod error;
mod files;
mod migrations;
mod opening;
mod readers;
mod sql;
mod store;
mod writer;

pub use backup::{Backup, BackupRequest};
pub use config::SqliteConfig;
pub use rusqlite;
pub use store::SqliteStore;
