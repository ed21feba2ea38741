//! The control API under `/simulator`, for tests in any language.

mod actions;
mod input;
pub(crate) mod routes;
mod views;
