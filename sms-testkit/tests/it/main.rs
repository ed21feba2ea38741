//! The suites themselves, on the adapters of the core.

mod lists;
mod memory;
mod providers;
