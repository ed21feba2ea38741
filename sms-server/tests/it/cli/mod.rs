//! The program, from its command line.

mod client;
mod program;
mod send_csv;
mod starts;
