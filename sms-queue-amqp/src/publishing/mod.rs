//! Publishing: a task and a connection for each lane, so that no lane waits for another.

pub(crate) mod publisher;
pub(crate) mod publisher_task;
mod unconfirmed;
