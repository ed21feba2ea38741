//! HTTP: connections, requests read as PHP reads them, and responses with faults.

pub(crate) mod body;
pub(crate) mod headers;
pub(crate) mod multipart;
pub(crate) mod params;
pub(crate) mod server;
pub(crate) mod service;
