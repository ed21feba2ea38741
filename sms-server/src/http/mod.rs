//! HTTP as every door uses it: the listener, the layers, who asks, bodies, parameters, problems.

pub(crate) mod auth;
pub(crate) mod body;
pub(crate) mod brake;
pub(crate) mod catalog;
mod clients;
pub(crate) mod cookie;
pub(crate) mod csrf;
pub(crate) mod csv;
pub(crate) mod fields;
pub(crate) mod layers;
mod listener;
pub(crate) mod location;
pub(crate) mod network;
pub(crate) mod operation;
pub(crate) mod page;
pub(crate) mod params;
pub(crate) mod permits;
pub(crate) mod problem;
pub(crate) mod stream_permits;
pub(crate) mod timestamp;
mod values;

pub use self::listener::{listen, serve};
