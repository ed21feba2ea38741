//! State that the task that consumes and the calls of the queue share, behind one lock.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicNackOptions, BasicRejectOptions};
use lapin::types::ShortString;
use tokio::time::Instant;

use crate::consuming::broker_op::BrokerOp;
use crate::consuming::deliveries::Deliveries;

/// A call to RabbitMQ that is in the client's output queue and may not be written yet.
pub(crate) type PendingCall = Pin<Box<dyn Future<Output = lapin::Result<()>> + Send>>;

/// The deliveries of the current connection, and the channel to settle them on.
#[derive(Debug)]
pub(crate) struct ConsumerState {
    pub(crate) deliveries: Deliveries,
    /// The channel that consumes; `None` while there is no connection.
    channel: Option<Channel>,
}

impl ConsumerState {
    pub(crate) fn new(lease: Duration) -> Self {
        Self { deliveries: Deliveries::new(lease), channel: None }
    }

    pub(crate) fn connect(&mut self, channel: Channel) {
        self.channel = Some(channel);
    }

    /// Forgets the connection, its subscriptions and its deliveries.
    pub(crate) fn disconnect(&mut self, now: Instant) {
        self.channel = None;
        self.deliveries.reset(now);
    }

    /// Sends these operations, in this order. Without a connection nothing is sent: RabbitMQ has
    /// taken the deliveries back.
    ///
    /// The client puts a call into its output queue when the call is first polled. Each call is
    /// therefore polled once here, while the caller holds the lock on this state: an ack with
    /// `multiple` that overtook an earlier operation would ack too much.
    pub(crate) fn send_ops(&self, ops: impl IntoIterator<Item = BrokerOp>) -> Vec<PendingCall> {
        let Some(channel) = &self.channel else { return Vec::new() };
        ops.into_iter().filter_map(|op| start(send_op(channel.clone(), op))).collect()
    }

    /// Cancels these subscriptions. What they have delivered can still be settled.
    pub(crate) fn cancel(&self, subscriptions: &[u64]) -> Vec<PendingCall> {
        let Some(channel) = &self.channel else { return Vec::new() };
        let cancel = |number: &u64| start(cancel(channel.clone(), *number));
        subscriptions.iter().filter_map(cancel).collect()
    }
}

/// Name that RabbitMQ knows a subscription by.
pub(crate) fn consumer_tag(subscription: u64) -> ShortString {
    subscription.to_string().into()
}

/// Polls a call once. Returns `None` if that completed it.
fn start(call: impl Future<Output = lapin::Result<()>> + Send + 'static) -> Option<PendingCall> {
    let mut call: PendingCall = Box::pin(call);
    match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending => Some(call),
        // An error means that the channel is gone, which the task that consumes notices.
        Poll::Ready(_) => None,
    }
}

async fn send_op(channel: Channel, op: BrokerOp) -> lapin::Result<()> {
    match op {
        BrokerOp::Ack { tag, multiple } => {
            channel.basic_ack(tag, BasicAckOptions { multiple }).await
        }
        BrokerOp::Requeue { tag, multiple } => {
            channel.basic_nack(tag, BasicNackOptions { multiple, requeue: true }).await
        }
        BrokerOp::Reject { tag } => {
            channel.basic_reject(tag, BasicRejectOptions { requeue: false }).await
        }
    }
}

async fn cancel(channel: Channel, subscription: u64) -> lapin::Result<()> {
    channel.basic_cancel(consumer_tag(subscription), BasicCancelOptions::default()).await
}
