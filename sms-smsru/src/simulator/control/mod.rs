//! The control API: HTTP requests under `/simulator` that change and show the simulator.

pub(crate) mod actions;
pub(crate) mod input;
pub(crate) mod routes;
pub(crate) mod views;
