//! The side of the queue that consumes: subscriptions, deliveries and leases.

pub(crate) mod consumer_task;
pub(crate) mod deliveries;
mod lane_buffer;
