//! HTTP, as every door uses it.

pub(crate) mod auth;
pub(crate) mod body;
mod clients;
pub(crate) mod fields;
mod listener;
pub(crate) mod page;
pub(crate) mod params;
pub(crate) mod permits;
pub(crate) mod problem;

pub use self::listener::{listen, serve};
