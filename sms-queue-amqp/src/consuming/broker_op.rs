//! Operations on deliveries.

/// An operation to send to RabbitMQ, on the message of this delivery tag. `multiple` includes all
/// messages before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BrokerOp {
    /// Removes the message for good.
    Ack { tag: u64, multiple: bool },
    /// Returns the message to its queue.
    Requeue { tag: u64, multiple: bool },
    /// Dead-letters a message that holds no job.
    Reject { tag: u64 },
}
