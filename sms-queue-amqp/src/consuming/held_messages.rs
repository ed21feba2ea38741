//! Messages that RabbitMQ has delivered to this process and that are not settled.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use sms_core::queue::LeaseToken;
use sms_core::{Job, Lease};
use tokio::time::Instant;

use crate::consuming::broker_op::BrokerOp;
use crate::consuming::seen_tags::SeenTags;
use sms_core::PerLane;

/// The unsettled messages of one connection by delivery tag, and their leases.
#[derive(Debug)]
pub(crate) struct HeldMessages {
    /// Number of the connection, so that a lease of an old one is recognised. Starts at a random
    /// number, so that a lease of another process is too.
    session: u64,
    by_tag: BTreeMap<u64, Held>,
    /// End and delivery tag of each lease, in the order of the ends. Leases that were settled stay
    /// in it until their turn comes.
    lease_ends: VecDeque<(Instant, u64)>,
    seen: SeenTags,
    lease: Duration,
}

/// A delivered message that holds a job.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) tag: u64,
    pub(crate) job: Job,
    /// Number of the subscription that delivered it.
    pub(crate) subscription: u64,
    leased: bool,
}

impl HeldMessages {
    /// No messages; leases end after `lease`.
    pub(crate) fn new(lease: Duration) -> Self {
        Self {
            session: fastrand::u64(..),
            by_tag: BTreeMap::new(),
            lease_ends: VecDeque::new(),
            seen: SeenTags::default(),
            lease,
        }
    }

    /// Forgets all messages: the connection is gone, so RabbitMQ has returned them to its queues.
    pub(crate) fn reset(&mut self) {
        self.session = self.session.wrapping_add(1);
        self.by_tag.clear();
        self.lease_ends.clear();
        self.seen = SeenTags::default();
    }

    /// Notes a delivery, whether it is going to be held or not.
    pub(crate) fn note_seen(&mut self, tag: u64) {
        self.seen.insert(tag);
    }

    pub(crate) fn insert(&mut self, tag: u64, job: Job, subscription: u64) {
        self.by_tag.insert(tag, Held { tag, job, subscription, leased: false });
    }

    /// Leases the message of this tag.
    pub(crate) fn lease(&mut self, tag: u64, now: Instant) -> Option<Lease> {
        let held = self.by_tag.get_mut(&tag)?;
        held.leased = true;
        self.lease_ends.push_back((now + self.lease, tag));
        Some(Lease::new(held.job, LeaseToken(self.session, tag)))
    }

    pub(crate) fn remove(&mut self, tag: u64) -> Option<Held> {
        self.by_tag.remove(&tag)
    }

    /// Removes the messages of these leases. Ignores a lease that has ended, was settled, or is of
    /// another connection or process.
    pub(crate) fn remove_leased(&mut self, leases: &[Lease]) -> Vec<Held> {
        let mut removed = Vec::with_capacity(leases.len());
        for lease in leases {
            let LeaseToken(session, tag) = lease.token;
            let is_current = session == self.session
                && self.by_tag.get(&tag).is_some_and(|held| held.leased && held.job == lease.job);
            if is_current {
                removed.extend(self.remove(tag));
            }
        }
        removed
    }

    /// Removes the messages of expired leases.
    pub(crate) fn remove_overdue(&mut self, now: Instant) -> Vec<Held> {
        let mut removed = Vec::new();
        while let Some(&(end, tag)) = self.lease_ends.front() {
            if end > now && self.by_tag.contains_key(&tag) {
                break;
            }
            self.lease_ends.pop_front();
            // RabbitMQ uses a tag for one delivery only, so a message that is still held is held by
            // this lease.
            removed.extend(self.by_tag.remove(&tag));
        }
        removed
    }

    /// Number of leased messages, by lane.
    pub(crate) fn leased(&self) -> PerLane<usize> {
        let mut leased = PerLane::default();
        for held in self.by_tag.values().filter(|held| held.leased) {
            leased[held.job.lane] += 1;
        }
        leased
    }

    /// Operations for messages that were removed. As many as possible become one operation with
    /// `multiple`, "this tag and all before it". That excludes tags after one that is still held,
    /// or after one that is on its way from RabbitMQ.
    pub(crate) fn ops(
        &self,
        removed: &[Held],
        op: impl Fn(u64, bool) -> BrokerOp,
    ) -> Vec<BrokerOp> {
        let mut tags: Vec<u64> = removed.iter().map(|held| held.tag).collect();
        tags.sort_unstable();
        let first_held = self.by_tag.keys().next().copied().unwrap_or(u64::MAX);
        let together = tags.partition_point(|tag| *tag < first_held && *tag <= self.seen.up_to());
        let (together, single) = tags.split_at(together);
        let first = together.last().map(|last| op(*last, together.len() > 1));
        first.into_iter().chain(single.iter().map(|tag| op(*tag, false))).collect()
    }
}

#[cfg(test)]
mod tests {
    use sms_core::{Lane, MessageId};

    use super::*;

    fn held() -> (HeldMessages, Instant) {
        (HeldMessages::new(Duration::from_secs(10)), Instant::now())
    }

    fn arrive(held: &mut HeldMessages, tag: u64) {
        held.note_seen(tag);
        held.insert(tag, Job::new(MessageId::new(), Lane::Normal), 1);
    }

    fn ack(held: &mut HeldMessages, leases: &[Lease]) -> Vec<BrokerOp> {
        let removed = held.remove_leased(leases);
        held.ops(&removed, |tag, multiple| BrokerOp::Ack { tag, multiple })
    }

    #[test]
    fn one_operation_acks_all_that_are_in_a_row() {
        let (mut held, now) = held();
        for tag in 1..=5 {
            arrive(&mut held, tag);
        }
        let leases: Vec<Lease> = (1..=5).filter_map(|tag| held.lease(tag, now)).collect();
        assert_eq!(
            ack(&mut held, &leases[1..3]),
            [BrokerOp::Ack { tag: 2, multiple: false }, BrokerOp::Ack { tag: 3, multiple: false }]
        );
        let rest = [leases[4], leases[0], leases[3]];
        assert_eq!(ack(&mut held, &rest), [BrokerOp::Ack { tag: 5, multiple: true }]);
        assert_eq!(ack(&mut held, &rest), [], "a repeat needs no operation");
    }

    #[test]
    fn one_operation_never_covers_what_is_held_or_not_yet_seen() {
        let (mut held, now) = held();
        for tag in [1, 2, 4] {
            arrive(&mut held, tag);
        }
        let leases: Vec<Lease> =
            [1, 2, 4].into_iter().filter_map(|tag| held.lease(tag, now)).collect();
        assert_eq!(
            ack(&mut held, &leases),
            [BrokerOp::Ack { tag: 2, multiple: true }, BrokerOp::Ack { tag: 4, multiple: false }]
        );
        arrive(&mut held, 3);
        arrive(&mut held, 5);
        let last: Vec<Lease> = held.lease(5, now).into_iter().collect();
        assert_eq!(
            ack(&mut held, &last),
            [BrokerOp::Ack { tag: 5, multiple: false }],
            "3 waits to be pulled"
        );
    }
}
