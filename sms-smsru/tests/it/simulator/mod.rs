//! The simulator, as clients in any language see it, and as tests in Rust drive it.

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
mod money;
mod order;
mod refusals;
mod replies;
mod rig;
mod timing;
