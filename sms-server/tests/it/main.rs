//! Tests of the server: its API in process, and the real program from outside.

mod api;
mod app;
mod bad_input;
mod kill;
mod process;
mod program;
mod smsru;
mod stand_in;
