//! One lane as this process sees it.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Time for which a job that was delivered and not pulled is kept from other workers.
pub(crate) const BUFFER_TTL: Duration = Duration::from_millis(200);
/// Time for which a pull waits for a delivery that is known to be on its way.
const TRANSIT_TIMEOUT: Duration = Duration::from_millis(20);
/// Time for which own pushes are not waited for, after one that did not come back: other workers
/// are faster.
const IGNORE_PUSHED_FOR: Duration = Duration::from_secs(1);
/// A subscription used up within this time was too small: the next one is twice as large.
const WINDOW_GROWTH_PERIOD: Duration = Duration::from_secs(1);
/// Limit of a subscription's window (prefetch count).
const MAX_WINDOW: u16 = 1000;

/// Buffer of one lane: the jobs that were delivered and not pulled, the subscription that delivers
/// them, and an estimate of what it is going to deliver.
#[derive(Debug)]
pub(crate) struct LaneBuffer {
    /// Delivery tags of the jobs to pull, with the time of delivery, oldest first.
    ready: VecDeque<(u64, Instant)>,
    subscription: Option<Subscription>,
    /// Estimate of the jobs that wait in RabbitMQ: those it had ready when the subscription began,
    /// less those that were delivered since.
    backlog: usize,
    /// Jobs that this process pushed since the subscription began and that were not delivered to
    /// it.
    pushed: usize,
    /// Time of the last event that can make RabbitMQ deliver.
    last_event: Instant,
    ignore_pushed_until: Instant,
    /// Time at which a pull first found that a new subscription is needed.
    subscription_needed_since: Option<Instant>,
    /// Something was delivered since the last probe.
    delivered: bool,
    /// The last probe found ready jobs that were not delivered.
    suspicious: bool,
}

/// A subscription with `window` as its prefetch count: RabbitMQ delivers up to so many jobs that
/// are not settled.
#[derive(Debug)]
struct Subscription {
    number: u64,
    window: u16,
    unsettled: usize,
    since: Instant,
    /// The whole window was pulled, and RabbitMQ had more.
    too_small: bool,
}

impl Subscription {
    fn has_room(&self) -> bool {
        self.unsettled < usize::from(self.window)
    }
}

/// Deliveries that are on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InTransit {
    /// Time until which a pull should wait for them.
    pub(crate) until: Instant,
    /// True if they are of a backlog, so that several are coming.
    pub(crate) is_backlog: bool,
}

impl LaneBuffer {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            ready: VecDeque::new(),
            subscription: None,
            backlog: 0,
            pushed: 0,
            last_event: now,
            ignore_pushed_until: now,
            subscription_needed_since: None,
            delivered: false,
            suspicious: false,
        }
    }

    /// Number of jobs that can be pulled.
    pub(crate) fn ready(&self) -> usize {
        self.ready.len()
    }

    pub(crate) fn is_subscribed(&self) -> bool {
        self.subscription.is_some()
    }

    /// True if there is no job to pull and a new subscription is needed. That is so if the lane is
    /// not subscribed to, the window is full of unsettled jobs, or RabbitMQ has more jobs than the
    /// window lets through.
    pub(crate) fn is_used_up(&self) -> bool {
        let is_spent =
            |subscription: &Subscription| !subscription.has_room() || subscription.too_small;
        self.ready.is_empty() && self.subscription.as_ref().is_none_or(is_spent)
    }

    /// Window of the next subscription. It is the number of jobs that are wanted, so that none is
    /// kept from other workers in vain. After a subscription that was soon used up it is at least
    /// twice as large as that one, so that a busy worker need not subscribe all the time.
    pub(crate) fn next_window(&self, wanted: usize, now: Instant) -> u16 {
        let wanted = u16::try_from(wanted).unwrap_or(u16::MAX).clamp(1, MAX_WINDOW);
        match &self.subscription {
            Some(last) if now - last.since < WINDOW_GROWTH_PERIOD => {
                wanted.max(last.window.saturating_mul(2)).min(MAX_WINDOW)
            }
            _ => wanted,
        }
    }

    /// Notes a new subscription. `backlog` is the number of jobs that RabbitMQ had ready before.
    pub(crate) fn subscribe(&mut self, number: u64, window: u16, backlog: usize, now: Instant) {
        self.subscription =
            Some(Subscription { number, window, unsettled: 0, since: now, too_small: false });
        (self.backlog, self.pushed, self.last_event) = (backlog, 0, now);
        (self.subscription_needed_since, self.delivered, self.suspicious) = (None, true, false);
    }

    /// Ends the subscription, and returns its number.
    pub(crate) fn unsubscribe(&mut self) -> Option<u64> {
        self.subscription.take().map(|subscription| subscription.number)
    }

    pub(crate) fn is_current(&self, subscription: u64) -> bool {
        self.subscription.as_ref().is_some_and(|current| current.number == subscription)
    }

    /// Adds a job that this subscription delivered.
    pub(crate) fn arrive(&mut self, subscription: u64, tag: u64, now: Instant) {
        self.ready.push_back((tag, now));
        if let Some(current) = self.current(subscription) {
            current.unsettled += 1;
        }
        self.backlog = self.backlog.saturating_sub(1);
        self.pushed = self.pushed.saturating_sub(1);
        (self.last_event, self.delivered) = (now, true);
    }

    /// Notes that a job of this subscription was acked or returned: RabbitMQ may deliver one more.
    pub(crate) fn settled(&mut self, subscription: u64, now: Instant) {
        if let Some(current) = self.current(subscription) {
            current.unsettled = current.unsettled.saturating_sub(1);
            self.last_event = now;
        }
    }

    fn current(&mut self, number: u64) -> Option<&mut Subscription> {
        self.subscription.as_mut().filter(|current| current.number == number)
    }

    /// Notes that this process is pushing so many jobs.
    pub(crate) fn note_pushed(&mut self, jobs: usize, now: Instant) {
        if self.subscription.is_some() && now >= self.ignore_pushed_until {
            self.pushed += jobs;
            self.last_event = now;
        }
    }

    /// Deliveries that are known to be on their way. Forgets those that did not come in time.
    pub(crate) fn in_transit(&mut self, now: Instant) -> Option<InTransit> {
        let has_room = self.subscription.as_ref().is_some_and(Subscription::has_room);
        if !has_room || (self.backlog == 0 && self.pushed == 0) {
            return None;
        }
        let until = self.last_event + TRANSIT_TIMEOUT;
        if until > now {
            return Some(InTransit { until, is_backlog: self.backlog > 0 });
        }
        // Other workers got them.
        if self.pushed > 0 {
            self.ignore_pushed_until = now + IGNORE_PUSHED_FOR;
        }
        (self.backlog, self.pushed) = (0, 0);
        None
    }

    /// Time until which a pull should wait for a new subscription. `None` if there is no need for
    /// one, the lane is probably empty, or it takes too long.
    pub(crate) fn subscription_deadline(&mut self, now: Instant) -> Option<Instant> {
        if !self.is_used_up() || (self.subscription.is_some() && self.backlog == 0) {
            return None;
        }
        let until = *self.subscription_needed_since.get_or_insert(now) + BUFFER_TTL;
        (until > now).then_some(until)
    }

    /// Takes the job that was delivered first, and returns its tag.
    pub(crate) fn pop(&mut self) -> Option<u64> {
        let (tag, _) = self.ready.pop_front()?;
        if let Some(subscription) = &mut self.subscription
            && self.ready.is_empty()
            && self.backlog > 0
        {
            subscription.too_small |= !subscription.has_room() && subscription.window < MAX_WINDOW;
        }
        Some(tag)
    }

    /// True if a job was delivered and not pulled for [`BUFFER_TTL`].
    pub(crate) fn is_stale(&self, now: Instant) -> bool {
        self.ready.front().is_some_and(|(_, delivered)| now - *delivered > BUFFER_TTL)
    }

    /// Takes all jobs that were delivered and not pulled, and returns their tags.
    pub(crate) fn drain(&mut self) -> Vec<u64> {
        self.ready.drain(..).map(|(tag, _)| tag).collect()
    }

    /// Processes a probe that found `ready` jobs in RabbitMQ. True if it is the second in a row
    /// with jobs that could have been delivered and were not.
    pub(crate) fn check_stalled(&mut self, ready: usize) -> bool {
        let has_room = self.subscription.as_ref().is_some_and(Subscription::has_room);
        let suspicious = ready > 0 && has_room && self.ready.is_empty() && !self.delivered;
        let stalled = suspicious && self.suspicious;
        (self.suspicious, self.delivered) = (suspicious, false);
        stalled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer() -> (LaneBuffer, Instant) {
        let now = Instant::now();
        (LaneBuffer::new(now), now)
    }

    #[test]
    fn the_window_is_what_is_wanted_and_grows_only_when_it_is_used_up_soon() {
        let (mut buffer, now) = buffer();
        assert_eq!(buffer.next_window(100, now), 100);
        buffer.subscribe(1, 100, 0, now);
        assert_eq!(buffer.next_window(100, now), 200);
        assert_eq!(buffer.next_window(100, now + WINDOW_GROWTH_PERIOD), 100);
        buffer.subscribe(2, 900, 0, now);
        assert_eq!(buffer.next_window(100, now), MAX_WINDOW);
        assert_eq!(buffer.next_window(100_000, now + WINDOW_GROWTH_PERIOD), MAX_WINDOW);
        assert_eq!(buffer.next_window(0, now + WINDOW_GROWTH_PERIOD), 1);
    }

    #[test]
    fn a_subscription_is_used_up_when_its_window_is_pulled_and_not_settled() {
        let (mut buffer, now) = buffer();
        assert!(buffer.is_used_up());
        buffer.subscribe(1, 1, 0, now);
        assert!(!buffer.is_used_up());
        buffer.arrive(1, 7, now);
        assert!(!buffer.is_used_up(), "there is one to pull");
        assert_eq!(buffer.pop(), Some(7));
        assert!(buffer.is_used_up());
        buffer.settled(1, now);
        assert!(!buffer.is_used_up());
    }

    #[test]
    fn a_subscription_smaller_than_the_backlog_is_used_up_however_fast_the_acks_are() {
        for (window, used_up) in [(1, true), (MAX_WINDOW, false)] {
            let (mut buffer, now) = buffer();
            buffer.subscribe(1, window, 5000, now);
            for tag in 1..=u64::from(window) {
                buffer.arrive(1, tag, now);
            }
            while buffer.pop().is_some() {
                buffer.settled(1, now);
            }
            buffer.arrive(1, 5000, now);
            assert!(!buffer.is_used_up(), "there is one to pull");
            buffer.pop();
            assert_eq!(buffer.is_used_up(), used_up, "a window of {window}");
        }
    }

    #[test]
    fn a_backlog_is_waited_for_only_while_it_keeps_coming() {
        let (mut buffer, now) = buffer();
        buffer.subscribe(1, 10, 2, now);
        assert_eq!(
            buffer.in_transit(now),
            Some(InTransit { until: now + TRANSIT_TIMEOUT, is_backlog: true })
        );
        buffer.arrive(1, 1, now);
        assert!(buffer.in_transit(now).is_some());
        assert_eq!(buffer.in_transit(now + TRANSIT_TIMEOUT), None, "others got the second one");
        assert_eq!(buffer.in_transit(now), None, "and it is not waited for again");
    }

    #[test]
    fn own_pushes_are_waited_for_until_other_workers_are_faster() {
        let (mut buffer, now) = buffer();
        buffer.note_pushed(1, now);
        assert_eq!(
            buffer.in_transit(now),
            None,
            "RabbitMQ delivers nothing without a subscription"
        );
        buffer.subscribe(1, 10, 0, now);
        buffer.note_pushed(1, now);
        assert_eq!(
            buffer.in_transit(now),
            Some(InTransit { until: now + TRANSIT_TIMEOUT, is_backlog: false })
        );
        assert_eq!(buffer.in_transit(now + TRANSIT_TIMEOUT), None);
        buffer.note_pushed(1, now + TRANSIT_TIMEOUT);
        assert_eq!(buffer.in_transit(now + TRANSIT_TIMEOUT), None);
        buffer.note_pushed(1, now + IGNORE_PUSHED_FOR * 2);
        assert!(buffer.in_transit(now + IGNORE_PUSHED_FOR * 2).is_some());
    }

    #[test]
    fn a_lane_is_stalled_when_two_probes_find_ready_jobs_that_do_not_come() {
        let (mut buffer, now) = buffer();
        assert!(!buffer.check_stalled(5) && !buffer.check_stalled(5), "there is no subscription");
        buffer.subscribe(1, 10, 5, now);
        assert!(!buffer.check_stalled(5), "the subscription is new");
        assert!(!buffer.check_stalled(5));
        assert!(buffer.check_stalled(5));
        buffer.arrive(1, 1, now);
        assert!(!buffer.check_stalled(5) && !buffer.check_stalled(5), "one waits to be pulled");
        buffer.pop();
        assert!(!buffer.check_stalled(0) && !buffer.check_stalled(0), "nothing is ready");
    }

    #[test]
    fn a_pull_waits_for_a_subscription_to_a_lane_that_has_more() {
        let (mut buffer, now) = buffer();
        assert!(buffer.subscription_deadline(now).is_some(), "it is not known to be empty");
        buffer.subscribe(1, 1, 2, now);
        assert_eq!(buffer.subscription_deadline(now), None);
        buffer.arrive(1, 1, now);
        buffer.pop();
        assert_eq!(buffer.subscription_deadline(now), Some(now + BUFFER_TTL), "there were two");
        assert_eq!(buffer.subscription_deadline(now + BUFFER_TTL), None, "but there is a limit");
        buffer.subscribe(2, 1, 1, now);
        buffer.arrive(2, 2, now);
        buffer.pop();
        assert_eq!(buffer.subscription_deadline(now), None, "that was the last");
    }

    #[test]
    fn what_is_not_pulled_becomes_stale() {
        let (mut buffer, now) = buffer();
        buffer.subscribe(1, 10, 0, now);
        buffer.arrive(1, 1, now);
        assert!(!buffer.is_stale(now + BUFFER_TTL));
        assert!(buffer.is_stale(now + BUFFER_TTL * 2));
        assert_eq!((buffer.drain(), buffer.ready()), (vec![1], 0));
    }
}
