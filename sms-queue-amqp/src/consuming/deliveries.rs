//! Deliveries of one connection: what was delivered and not pulled, and what is leased.

use std::time::Duration;

use sms_core::{Job, Lane, Lease};
use tokio::time::Instant;

use crate::consuming::broker_op::BrokerOp;
use crate::consuming::held_messages::{Held, HeldMessages};
use crate::consuming::lane_buffer::LaneBuffer;
use crate::consuming::pull_demand::PullDemand;
use sms_core::PerLane;

/// The deliveries of one connection, and the pulls that want them.
///
/// Does no I/O: its methods return [`BrokerOp`]s, which must be sent in the order in which they are
/// returned.
#[derive(Debug)]
pub(crate) struct Deliveries {
    buffers: PerLane<LaneBuffer>,
    held: HeldMessages,
    pub(crate) demand: PullDemand,
    last_subscription: u64,
}

/// Result of a pull.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pulled {
    Leases(Vec<Lease>),
    /// Better jobs, or more of them, may come before this time.
    Wait(Instant),
    /// There are no jobs. `certain` is true if all lanes are subscribed to.
    Nothing {
        certain: bool,
    },
}

impl Deliveries {
    /// No deliveries; leases end after `lease`.
    pub(crate) fn new(lease: Duration) -> Self {
        let now = Instant::now();
        Self {
            buffers: empty_buffers(now),
            held: HeldMessages::new(lease),
            demand: PullDemand::new(now),
            last_subscription: 0,
        }
    }

    /// Forgets all deliveries and subscriptions: the connection is gone, so RabbitMQ has returned
    /// the messages to its queues.
    pub(crate) fn reset(&mut self, now: Instant) {
        self.buffers = empty_buffers(now);
        self.held.reset();
    }

    pub(crate) fn buffer(&mut self, lane: Lane) -> &mut LaneBuffer {
        &mut self.buffers[lane]
    }

    /// Lanes to subscribe to: those that deliver nothing although a pull waits.
    pub(crate) fn lanes_to_subscribe(&self, now: Instant) -> Vec<Lane> {
        if self.demand.is_idle(now) {
            return Vec::new();
        }
        Lane::ALL.into_iter().filter(|lane| self.buffers[*lane].is_used_up()).collect()
    }

    /// Prefetch limit of a new subscription to these lanes.
    pub(crate) fn window(&self, lanes: &[Lane], now: Instant) -> u16 {
        let wanted = self.demand.jobs();
        let windows = lanes.iter().map(|lane| self.buffers[*lane].next_window(wanted, now));
        windows.max().unwrap_or(1)
    }

    /// Number of a new subscription.
    pub(crate) fn next_subscription(&mut self) -> u64 {
        self.last_subscription += 1;
        self.last_subscription
    }

    /// Accepts a delivery; `job` is `None` for a message that holds no job. Returns the operation
    /// that returns or rejects the message, if it is not kept.
    pub(crate) fn arrive(
        &mut self,
        lane: Lane,
        subscription: u64,
        tag: u64,
        job: Option<Job>,
        now: Instant,
    ) -> Option<BrokerOp> {
        self.held.note_seen(tag);
        let Some(job) = job else { return Some(BrokerOp::Reject { tag }) };
        let buffer = &mut self.buffers[lane];
        if self.demand.is_idle(now) && !buffer.is_current(subscription) {
            // It was on its way when the subscription was cancelled.
            return Some(BrokerOp::Requeue { tag, multiple: false });
        }
        buffer.arrive(subscription, tag, now);
        self.held.insert(tag, job, subscription);
        None
    }

    /// Leases up to `max` jobs, unless it is better to wait.
    pub(crate) fn pull(&mut self, max: usize, now: Instant) -> Pulled {
        let mut counts = PerLane::default();
        let mut room = max;
        for lane in Lane::ALL {
            counts[lane] = room.min(self.buffers[lane].ready());
            room -= counts[lane];
            if room == 0 {
                break;
            }
            let is_empty = room == max;
            if is_empty && self.has_ready_after(lane) {
                // Jobs of a later lane must not overtake jobs of this one that have not come only
                // because there is no subscription.
                if let Some(until) = self.buffers[lane].subscription_deadline(now) {
                    return Pulled::Wait(until);
                }
            }
            let Some(in_transit) = self.buffers[lane].in_transit(now) else { continue };
            // Nor jobs that are on their way. And if the lane has a backlog, the rest of the batch
            // follows at once: a full batch is one call to the provider. An urgent job does not
            // wait for that.
            if is_empty || (in_transit.is_backlog && counts.urgent == 0) {
                return Pulled::Wait(in_transit.until);
            }
            break;
        }
        if room == max {
            let certain = Lane::ALL.iter().all(|lane| self.buffers[*lane].is_subscribed());
            return Pulled::Nothing { certain };
        }
        Pulled::Leases(self.lease(&counts, now))
    }

    fn has_ready_after(&self, lane: Lane) -> bool {
        Lane::ALL.iter().any(|later| *later > lane && self.buffers[*later].ready() > 0)
    }

    fn lease(&mut self, counts: &PerLane<usize>, now: Instant) -> Vec<Lease> {
        let mut leases = Vec::new();
        for lane in Lane::ALL {
            for _ in 0..counts[lane] {
                let Some(tag) = self.buffers[lane].pop() else { break };
                leases.extend(self.held.lease(tag, now));
            }
        }
        leases
    }

    /// True if there are jobs to pull.
    pub(crate) fn has_ready(&self) -> bool {
        Lane::ALL.iter().any(|lane| self.buffers[*lane].ready() > 0)
    }

    /// Acks the jobs of these leases. Ignores a lease that is not current.
    pub(crate) fn ack(&mut self, leases: &[Lease], now: Instant) -> Vec<BrokerOp> {
        let removed = self.held.remove_leased(leases);
        self.settle(&removed, now, |tag, multiple| BrokerOp::Ack { tag, multiple })
    }

    /// Returns the jobs of these leases to RabbitMQ. Ignores a lease that is not current.
    pub(crate) fn release(&mut self, leases: &[Lease], now: Instant) -> Vec<BrokerOp> {
        let removed = self.held.remove_leased(leases);
        self.settle(&removed, now, requeue)
    }

    /// Returns the jobs of expired leases to RabbitMQ.
    pub(crate) fn requeue_overdue(&mut self, now: Instant) -> Vec<BrokerOp> {
        let removed = self.held.remove_overdue(now);
        self.settle(&removed, now, requeue)
    }

    /// Ends the subscriptions that no pull uses, and returns the jobs that were delivered and not
    /// pulled. The subscriptions must be cancelled before the operations are sent, or RabbitMQ
    /// would deliver the same jobs again.
    pub(crate) fn requeue_unused(&mut self, now: Instant) -> (Vec<u64>, Vec<BrokerOp>) {
        let is_idle = self.demand.is_idle(now);
        let (mut cancelled, mut removed) = (Vec::new(), Vec::new());
        for lane in Lane::ALL {
            let buffer = &mut self.buffers[lane];
            if is_idle || buffer.is_stale(now) {
                cancelled.extend(buffer.unsubscribe());
                removed.extend(buffer.drain().into_iter().filter_map(|tag| self.held.remove(tag)));
            }
        }
        (cancelled, self.settle(&removed, now, requeue))
    }

    /// Number of jobs that are delivered and not pulled, by lane.
    pub(crate) fn ready(&self) -> PerLane<usize> {
        PerLane::new(|lane| self.buffers[lane].ready())
    }

    /// Number of leased jobs, by lane.
    pub(crate) fn leased(&self) -> PerLane<usize> {
        self.held.leased()
    }

    fn settle(
        &mut self,
        removed: &[Held],
        now: Instant,
        op: impl Fn(u64, bool) -> BrokerOp,
    ) -> Vec<BrokerOp> {
        for held in removed {
            self.buffers[held.job.lane].settled(held.subscription, now);
        }
        self.held.ops(removed, op)
    }
}

fn requeue(tag: u64, multiple: bool) -> BrokerOp {
    BrokerOp::Requeue { tag, multiple }
}

fn empty_buffers(now: Instant) -> PerLane<LaneBuffer> {
    PerLane::new(|_| LaneBuffer::new(now))
}

#[cfg(test)]
mod tests {
    use sms_core::MessageId;

    use super::*;
    use crate::consuming::lane_buffer::BUFFER_TTL;

    const LEASE: Duration = Duration::from_secs(10);

    /// Deliveries with a subscription to each lane, numbered 1 to 3.
    fn deliveries() -> (Deliveries, Instant) {
        let (mut deliveries, now) = (Deliveries::new(LEASE), Instant::now());
        deliveries.demand.begin(1);
        for lane in Lane::ALL {
            let number = deliveries.next_subscription();
            deliveries.buffer(lane).subscribe(number, 100, 0, now);
        }
        (deliveries, now)
    }

    fn arrive(deliveries: &mut Deliveries, lane: Lane, tag: u64, now: Instant) {
        let job = Job::new(MessageId::new(), lane);
        let subscription = u64::from(lane.number()) + 1;
        assert_eq!(deliveries.arrive(lane, subscription, tag, Some(job), now), None);
    }

    fn pull(deliveries: &mut Deliveries, max: usize, now: Instant) -> Vec<Lease> {
        match deliveries.pull(max, now) {
            Pulled::Leases(leases) => leases,
            other => panic!("{other:?}"),
        }
    }

    fn tags(leases: &[Lease]) -> Vec<u64> {
        leases.iter().map(|lease| lease.token.1).collect()
    }

    #[test]
    fn the_first_lanes_go_first_and_each_in_the_order_of_arrival() {
        let (mut deliveries, now) = deliveries();
        for (lane, tag) in
            [(Lane::Bulk, 1), (Lane::Normal, 2), (Lane::Normal, 3), (Lane::Urgent, 4)]
        {
            arrive(&mut deliveries, lane, tag, now);
        }
        assert_eq!(tags(&pull(&mut deliveries, 2, now)), [4, 2]);
        assert_eq!(tags(&pull(&mut deliveries, 9, now)), [3, 1]);
        assert_eq!(deliveries.pull(9, now), Pulled::Nothing { certain: true });
    }

    #[test]
    fn what_is_no_job_is_rejected_and_does_not_break_the_row() {
        let (mut deliveries, now) = deliveries();
        arrive(&mut deliveries, Lane::Normal, 1, now);
        assert_eq!(
            deliveries.arrive(Lane::Normal, 2, 2, None, now),
            Some(BrokerOp::Reject { tag: 2 })
        );
        arrive(&mut deliveries, Lane::Normal, 3, now);
        let leases = pull(&mut deliveries, 2, now);
        assert_eq!(
            deliveries.release(&leases, now),
            [BrokerOp::Requeue { tag: 3, multiple: true }]
        );
    }

    #[test]
    fn a_lease_that_is_over_is_returned_and_its_ack_sends_nothing() {
        let (mut deliveries, now) = deliveries();
        arrive(&mut deliveries, Lane::Normal, 1, now);
        arrive(&mut deliveries, Lane::Normal, 2, now);
        let first = pull(&mut deliveries, 1, now);
        let second = pull(&mut deliveries, 1, now + LEASE / 2);
        assert_eq!(deliveries.requeue_overdue(now + LEASE - Duration::from_millis(1)), []);
        assert_eq!(
            deliveries.requeue_overdue(now + LEASE),
            [BrokerOp::Requeue { tag: 1, multiple: false }]
        );
        assert_eq!(deliveries.ack(&first, now + LEASE), []);
        assert_eq!(
            deliveries.ack(&second, now + LEASE),
            [BrokerOp::Ack { tag: 2, multiple: false }]
        );
        assert_eq!(deliveries.requeue_overdue(now + LEASE * 2), []);
    }

    #[test]
    fn leases_of_an_old_connection_are_ignored() {
        let (mut deliveries, now) = deliveries();
        arrive(&mut deliveries, Lane::Normal, 1, now);
        let old = pull(&mut deliveries, 1, now);
        deliveries.reset(now);
        for lane in Lane::ALL {
            deliveries.buffer(lane).subscribe(u64::from(lane.number()) + 1, 100, 0, now);
        }
        deliveries.arrive(Lane::Normal, 2, 1, Some(old[0].job), now);
        let new = pull(&mut deliveries, 1, now);
        assert_eq!(deliveries.ack(&old, now), [], "the same tag is another delivery now");
        assert_eq!(deliveries.ack(&new, now), [BrokerOp::Ack { tag: 1, multiple: false }]);
    }

    #[test]
    fn an_idle_process_keeps_no_job_from_others() {
        let (mut deliveries, now) = deliveries();
        arrive(&mut deliveries, Lane::Bulk, 1, now);
        assert_eq!(deliveries.requeue_unused(now), (vec![], vec![]), "a pull waits");
        deliveries.demand.end(1, now);
        let later = now + BUFFER_TTL * 2;
        assert_eq!(
            deliveries.requeue_unused(later),
            (vec![1, 2, 3], vec![BrokerOp::Requeue { tag: 1, multiple: false }])
        );
        let late = Job::new(MessageId::new(), Lane::Bulk);
        assert_eq!(
            deliveries.arrive(Lane::Bulk, 3, 2, Some(late), later),
            Some(BrokerOp::Requeue { tag: 2, multiple: false }),
            "it was on its way when the subscription was cancelled"
        );
    }

    #[test]
    fn a_slow_process_keeps_what_it_does_not_pull_for_a_short_time_only() {
        let (mut deliveries, now) = deliveries();
        for tag in 1..=3 {
            arrive(&mut deliveries, Lane::Normal, tag, now);
        }
        let leased = pull(&mut deliveries, 1, now);
        let (cancelled, ops) = deliveries.requeue_unused(now + BUFFER_TTL * 2);
        assert_eq!(cancelled, [2], "the other lanes have no stale job");
        assert_eq!(
            ops,
            [
                BrokerOp::Requeue { tag: 2, multiple: false },
                BrokerOp::Requeue { tag: 3, multiple: false }
            ]
        );
        assert_eq!((deliveries.ready().normal, deliveries.leased().normal), (0, 1));
        assert_eq!(deliveries.ack(&leased, now), [BrokerOp::Ack { tag: 1, multiple: false }]);
    }

    #[test]
    fn what_is_on_its_way_in_an_earlier_lane_is_waited_for() {
        let (mut deliveries, now) = deliveries();
        arrive(&mut deliveries, Lane::Bulk, 1, now);
        deliveries.buffer(Lane::Urgent).note_pushed(1, now);
        assert!(matches!(deliveries.pull(5, now), Pulled::Wait(_)));
        arrive(&mut deliveries, Lane::Urgent, 2, now);
        assert_eq!(tags(&pull(&mut deliveries, 5, now)), [2, 1]);
    }

    #[test]
    fn a_batch_waits_for_its_backlog_but_an_urgent_job_does_not() {
        let (mut deliveries, now) = deliveries();
        deliveries.buffer(Lane::Normal).subscribe(2, 100, 3, now);
        arrive(&mut deliveries, Lane::Normal, 1, now);
        assert!(matches!(deliveries.pull(3, now), Pulled::Wait(_)));
        assert_eq!(tags(&pull(&mut deliveries, 1, now)), [1], "this batch is full");
        arrive(&mut deliveries, Lane::Urgent, 2, now);
        assert_eq!(tags(&pull(&mut deliveries, 3, now)), [2]);
    }

    #[test]
    fn a_used_up_lane_is_subscribed_to_while_a_pull_waits() {
        let (mut deliveries, now) = deliveries();
        assert_eq!(deliveries.lanes_to_subscribe(now), []);
        deliveries.buffer(Lane::Urgent).subscribe(1, 1, 0, now);
        arrive(&mut deliveries, Lane::Urgent, 1, now);
        pull(&mut deliveries, 1, now);
        assert_eq!(deliveries.lanes_to_subscribe(now), [Lane::Urgent]);
        deliveries.demand.end(1, now);
        assert_eq!(
            deliveries.lanes_to_subscribe(now),
            [Lane::Urgent],
            "the next pull may come at once"
        );
        assert_eq!(deliveries.lanes_to_subscribe(now + BUFFER_TTL * 2), []);
    }
}
