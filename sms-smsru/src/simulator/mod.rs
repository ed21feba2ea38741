// The README is read on a forge, too: there its links lead to files, here to items. The first
// definition counts.
//! [`Simulator`]: Simulator
//! [`SimulatorConfig::clock`]: SimulatorConfig::clock
//! [`Simulator::advance`]: Simulator::advance
//! [`RefusalLevel`]: RefusalLevel
//!
#![doc = include_str!("../../SIMULATOR.md")]

mod callbacks;
mod config;
mod control;
mod delivery;
mod fault;
mod http;
mod instance;
mod log;
mod methods;
mod model;
mod operations;
mod phone;
mod shared;

pub use config::{RefusalLevel, SimulatorConfig};
pub use delivery::Delivery;
pub use fault::{Fault, Injection};
pub use instance::Simulator;
pub use log::{Accepted, Call};
pub use model::limits::NumberLimits;
