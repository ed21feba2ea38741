//! Reading of one subscription's deliveries.

use std::sync::Arc;

use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use sms_core::{Job, Lane};
use tokio::time::Instant;

use crate::consuming::consumer::Consumer;
use crate::wire;

/// Limit of the deliveries that are processed together.
const MAX_BATCH: usize = 100;

/// Reader of one subscription, which puts what RabbitMQ delivers into the lane's buffer.
#[derive(Debug)]
pub(crate) struct DeliveryReader {
    pub(crate) consumer: Arc<Consumer>,
    pub(crate) lane: Lane,
    pub(crate) subscription: u64,
}

impl DeliveryReader {
    /// Reads until the subscription ends, and returns its lane and number.
    pub(crate) async fn run(self, mut stream: lapin::Consumer) -> (Lane, u64) {
        while let Some(Ok(first)) = stream.next().await {
            // Takes what else has come, because waking a pull for each job costs more than all
            // the rest.
            let mut deliveries = vec![first];
            let mut ended = false;
            while deliveries.len() < MAX_BATCH && !ended {
                match stream.next().now_or_never() {
                    Some(Some(Ok(delivery))) => deliveries.push(delivery),
                    Some(_) => ended = true,
                    None => break,
                }
            }
            self.store(deliveries);
            self.consumer.arrived.notify_one();
            if ended {
                break;
            }
        }
        (self.lane, self.subscription)
    }

    fn store(&self, deliveries: Vec<Delivery>) {
        let (now, lane) = (Instant::now(), self.lane);
        let mut state = self.consumer.state();
        for delivery in deliveries {
            let job = wire::decode(&delivery.data).map(|id| Job::new(id, lane));
            if job.is_none() {
                tracing::warn!(
                    ?lane,
                    "a RabbitMQ message holds no message id; it is dead-lettered"
                );
            }
            let tag = delivery.delivery_tag;
            let op = state.deliveries.arrive(lane, self.subscription, tag, job, now);
            // The client writes it without being waited for.
            drop(state.send_ops(op));
        }
    }
}
