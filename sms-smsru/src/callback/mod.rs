//! Callbacks: receipts that sms.ru posts to an address of ours, verified and read. Knows no web
//! framework.

mod error;
mod reader;
mod record;
#[cfg(test)]
mod tests;

pub use self::error::CallbackError;
pub use self::reader::{Callbacks, MAX_BODY, MAX_RECORDS};
pub use self::record::Record;
