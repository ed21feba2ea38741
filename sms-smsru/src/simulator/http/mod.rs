//! HTTP: connections, requests, and replies with the injected faults.

pub(crate) mod body;
pub(crate) mod headers;
pub(crate) mod server;
pub(crate) mod service;
