//! The suites themselves, on the adapters of the core.

mod faulty;
mod lists;
mod memory;
mod providers;
