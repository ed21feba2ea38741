// The README is read on a forge, too: there its links lead to files, here to items. The first
// definition counts.
//! [`sms-core`]: sms_core
//!
#![doc = include_str!("../README.md")]

mod clock;
mod config;
mod connect;
mod contract;
mod database;
mod error;
mod migrations;
mod opening;
mod pool;
mod sql;
mod store;
mod transaction;

pub use config::PgConfig;
pub use sqlx;
pub use store::PgStore;
