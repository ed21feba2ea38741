//! The macros: one named test for each behaviour.

mod store;
