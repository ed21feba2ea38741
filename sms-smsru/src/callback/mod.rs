//! Callbacks: the HTTP requests with which sms.ru reports delivery states and calls.

pub(crate) mod error;
pub(crate) mod reader;
pub(crate) mod record;
mod signature;
#[cfg(test)]
mod tests;

pub use self::error::CallbackError;
pub use self::reader::{CONFIRMATION, CallbackReader, MAX_BODY, MAX_RECORDS};
pub use self::record::Record;
