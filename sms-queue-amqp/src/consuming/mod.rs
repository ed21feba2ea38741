//! Consuming: the calls that pull and settle, and the task that keeps their connection.

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
