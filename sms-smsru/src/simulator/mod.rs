// On a forge the links of the document lead to files, here they lead to items. The first definition
// of a link counts.
//! [`Simulator`]: Simulator
//! [`SimulatorConfig::clock`]: SimulatorConfig::clock
//! [`Simulator::advance`]: Simulator::advance
//! [`RefusalLevel`]: RefusalLevel
//!
#![doc = include_str!("../../SIMULATOR.md")]

mod background;
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
mod multipart;
mod params;
mod phone;
mod shared;

pub use config::{RefusalLevel, SimulatorConfig};
pub use delivery::Delivery;
pub use fault::{Fault, Injection};
pub use instance::Simulator;
pub use log::{Accepted, Call};
pub use model::limits::NumberLimits;
