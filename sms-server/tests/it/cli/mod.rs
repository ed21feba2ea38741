//! The program, from its command line.

mod client;
mod program;
mod starts;
