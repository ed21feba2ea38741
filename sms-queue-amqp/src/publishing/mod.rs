//! The side of the queue that publishes: a task for each lane.

pub(crate) mod publisher_task;
