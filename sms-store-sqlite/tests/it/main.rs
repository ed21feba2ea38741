//! The SQLite store: the conformance suites, and what is SQLite's own.

mod common;
mod conformance;
