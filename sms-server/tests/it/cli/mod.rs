//! The program, from its command line.

mod program;
mod starts;
