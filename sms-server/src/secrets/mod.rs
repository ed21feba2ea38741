//! Secrets that must be read back, such as the secret part of the callback address: encrypted in
//! the registry with the secret key of the installation.

#[cfg(feature = "program")]
mod file;
mod key;
#[cfg(feature = "program")]
mod open;
mod records;

#[cfg(feature = "program")]
pub(crate) use self::file::KeyFile;
#[cfg(feature = "program")]
pub(crate) use self::open::{Configured, check_key, open, rotate};
pub use self::records::Secrets;
#[cfg(feature = "program")]
pub(crate) use self::records::check;
