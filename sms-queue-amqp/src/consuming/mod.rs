//! Consuming: the task that keeps the connection, and what the calls of the queue share with it.

mod broker_op;
pub(crate) mod consumer;
mod consumer_state;
pub(crate) mod consumer_task;
mod deliveries;
mod delivery_reader;
mod held_messages;
mod lane_buffer;
mod pull_demand;
mod seen_tags;
