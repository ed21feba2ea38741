//! Tests of the simulator, over HTTP and through its Rust interface.

mod auth;
mod binary;
mod callbacks;
mod calls;
mod client;
mod control;
mod deliveries;
mod faults;
mod forms;
mod limits;
mod message_options;
mod money;
mod refusals;
mod replies;
mod rig;
mod timing;
