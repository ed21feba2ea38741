//! One lane as this process sees it: its subscription, what came and is not pulled, and what is
//! about to come.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// How long what was delivered and is not pulled is kept from other workers.
pub(crate) const KEEP: Duration = Duration::from_millis(200);
/// How long a delivery that is known to be under way is waited for.
const UNDER_WAY: Duration = Duration::from_millis(20);
/// Who pushes and does not get it back has colleagues who are faster: no use to wait for it for a
/// while.
const QUIET: Duration = Duration::from_secs(1);
/// A subscription used up within this time was too small.
const SOON: Duration = Duration::from_secs(1);
/// The most a subscription lets RabbitMQ deliver ahead of acks.
const MAX_WINDOW: u16 = 1000;

#[derive(Debug)]
pub(crate) struct Shelf {
    /// Delivered and not pulled, by delivery tag, with the time it came.
    ready: VecDeque<(u64, Instant)>,
    subscription: Option<Subscription>,
    /// How many RabbitMQ had ready when we subscribed, less what came since.
    backlog: usize,
    /// How many this process pushed itself and did not see yet.
    pushed: usize,
    /// When something last changed that can make RabbitMQ deliver.
    touched: Instant,
    quiet_until: Instant,
    /// When a pull first found that a subscription is needed.
    missed: Option<Instant>,
    /// Something came since the watchdog looked.
    came: bool,
    suspicious: bool,
}

/// What RabbitMQ may deliver: `window` jobs, less those that are not settled.
#[derive(Debug)]
struct Subscription {
    number: u64,
    window: u16,
    unsettled: usize,
    since: Instant,
    /// All of it was pulled, and there was more.
    tight: bool,
}

impl Subscription {
    fn has_room(&self) -> bool {
        self.unsettled < usize::from(self.window)
    }
}

/// Deliveries that are under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnderWay {
    /// Until when they are worth waiting for.
    pub(crate) until: Instant,
    /// They are of a backlog, so there will be more than one.
    pub(crate) many: bool,
}

impl Shelf {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            ready: VecDeque::new(),
            subscription: None,
            backlog: 0,
            pushed: 0,
            touched: now,
            quiet_until: now,
            missed: None,
            came: false,
            suspicious: false,
        }
    }

    pub(crate) fn ready(&self) -> usize {
        self.ready.len()
    }

    pub(crate) fn subscribed(&self) -> bool {
        self.subscription.is_some()
    }

    /// Nothing is left, and RabbitMQ will deliver no more before something is settled; or it has
    /// more than the subscription lets through at a time.
    pub(crate) fn used_up(&self) -> bool {
        let spent = |subscription: &Subscription| !subscription.has_room() || subscription.tight;
        self.ready.is_empty() && self.subscription.as_ref().is_none_or(spent)
    }

    /// How large the next subscription is when this many jobs are wanted: as many, so that none is
    /// kept from others for nothing; and twice the last one when that was used up soon, so that a
    /// busy worker need not subscribe again and again.
    pub(crate) fn next_window(&self, wanted: usize, now: Instant) -> u16 {
        let wanted = u16::try_from(wanted).unwrap_or(u16::MAX).clamp(1, MAX_WINDOW);
        match &self.subscription {
            Some(last) if now - last.since < SOON => {
                wanted.max(last.window.saturating_mul(2)).min(MAX_WINDOW)
            }
            _ => wanted,
        }
    }

    pub(crate) fn subscribe(&mut self, number: u64, window: u16, backlog: usize, now: Instant) {
        self.subscription =
            Some(Subscription { number, window, unsettled: 0, since: now, tight: false });
        (self.backlog, self.pushed, self.touched) = (backlog, 0, now);
        (self.missed, self.came, self.suspicious) = (None, true, false);
    }

    /// Ends the subscription, and gives its number.
    pub(crate) fn unsubscribe(&mut self) -> Option<u64> {
        self.subscription.take().map(|subscription| subscription.number)
    }

    pub(crate) fn is_current(&self, number: u64) -> bool {
        self.subscription.as_ref().is_some_and(|subscription| subscription.number == number)
    }

    pub(crate) fn arrive(&mut self, number: u64, tag: u64, now: Instant) {
        self.ready.push_back((tag, now));
        if let Some(subscription) =
            self.subscription.as_mut().filter(|current| current.number == number)
        {
            subscription.unsettled += 1;
        }
        (self.backlog, self.pushed) =
            (self.backlog.saturating_sub(1), self.pushed.saturating_sub(1));
        (self.touched, self.came) = (now, true);
    }

    /// A job of this subscription was acked or given back: RabbitMQ may deliver one more.
    pub(crate) fn settled(&mut self, number: u64, now: Instant) {
        if let Some(subscription) =
            self.subscription.as_mut().filter(|current| current.number == number)
        {
            subscription.unsettled = subscription.unsettled.saturating_sub(1);
            self.touched = now;
        }
    }

    /// This process is pushing so many jobs.
    pub(crate) fn note_pushed(&mut self, number: usize, now: Instant) {
        if self.subscription.is_some() && now >= self.quiet_until {
            self.pushed += number;
            self.touched = now;
        }
    }

    /// What is known to be on its way here.
    pub(crate) fn under_way(&mut self, now: Instant) -> Option<UnderWay> {
        let room = self.subscription.as_ref().is_some_and(Subscription::has_room);
        if !room || (self.backlog == 0 && self.pushed == 0) {
            return None;
        }
        let until = self.touched + UNDER_WAY;
        if until > now {
            return Some(UnderWay { until, many: self.backlog > 0 });
        }
        // Others got it.
        if self.pushed > 0 {
            self.quiet_until = now + QUIET;
        }
        (self.backlog, self.pushed) = (0, 0);
        None
    }

    /// Until when it is worth waiting for a new subscription to a lane that may well have more.
    pub(crate) fn missing(&mut self, now: Instant) -> Option<Instant> {
        if !self.used_up() || (self.subscription.is_some() && self.backlog == 0) {
            return None;
        }
        let until = *self.missed.get_or_insert(now) + KEEP;
        (until > now).then_some(until)
    }

    /// The tag of the job that waits longest.
    pub(crate) fn take(&mut self) -> Option<u64> {
        let (tag, _) = self.ready.pop_front()?;
        if let Some(subscription) = &mut self.subscription
            && self.ready.is_empty()
            && self.backlog > 0
        {
            subscription.tight |= !subscription.has_room() && subscription.window < MAX_WINDOW;
        }
        Some(tag)
    }

    /// What has come is not being pulled.
    pub(crate) fn is_stale(&self, now: Instant) -> bool {
        self.ready.front().is_some_and(|(_, came)| now - *came > KEEP)
    }

    /// Takes everything that came and is not pulled.
    pub(crate) fn clear(&mut self) -> Vec<u64> {
        self.ready.drain(..).map(|(tag, _)| tag).collect()
    }

    /// Whether RabbitMQ has kept this many jobs ready through two looks, although it could have
    /// delivered them.
    pub(crate) fn is_stalled(&mut self, ready: usize) -> bool {
        let room = self.subscription.as_ref().is_some_and(Subscription::has_room);
        let suspicious = ready > 0 && room && self.ready.is_empty() && !self.came;
        let stalled = suspicious && self.suspicious;
        (self.suspicious, self.came) = (suspicious, false);
        stalled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf() -> (Shelf, Instant) {
        let now = Instant::now();
        (Shelf::new(now), now)
    }

    #[test]
    fn the_window_is_what_is_wanted_and_grows_only_when_it_is_used_up_soon() {
        let (mut shelf, now) = shelf();
        assert_eq!(shelf.next_window(100, now), 100);
        shelf.subscribe(1, 100, 0, now);
        assert_eq!(shelf.next_window(100, now), 200);
        assert_eq!(shelf.next_window(100, now + SOON), 100);
        shelf.subscribe(2, 900, 0, now);
        assert_eq!(shelf.next_window(100, now), MAX_WINDOW);
        assert_eq!(shelf.next_window(100_000, now + SOON), MAX_WINDOW);
        assert_eq!(shelf.next_window(0, now + SOON), 1);
    }

    #[test]
    fn a_subscription_is_used_up_when_its_window_is_pulled_and_not_settled() {
        let (mut shelf, now) = shelf();
        assert!(shelf.used_up());
        shelf.subscribe(1, 1, 0, now);
        assert!(!shelf.used_up());
        shelf.arrive(1, 7, now);
        assert!(!shelf.used_up(), "there is one to pull");
        assert_eq!(shelf.take(), Some(7));
        assert!(shelf.used_up());
        shelf.settled(1, now);
        assert!(!shelf.used_up());
    }

    #[test]
    fn a_subscription_smaller_than_the_backlog_is_used_up_however_fast_the_acks_are() {
        for (window, used_up) in [(1, true), (MAX_WINDOW, false)] {
            let (mut shelf, now) = shelf();
            shelf.subscribe(1, window, 5000, now);
            for tag in 1..=u64::from(window) {
                shelf.arrive(1, tag, now);
            }
            while shelf.take().is_some() {
                shelf.settled(1, now);
            }
            shelf.arrive(1, 5000, now);
            assert!(!shelf.used_up(), "there is one to pull");
            shelf.take();
            assert_eq!(shelf.used_up(), used_up, "a window of {window}");
        }
    }

    #[test]
    fn a_backlog_is_waited_for_only_while_it_keeps_coming() {
        let (mut shelf, now) = shelf();
        shelf.subscribe(1, 10, 2, now);
        assert_eq!(shelf.under_way(now), Some(UnderWay { until: now + UNDER_WAY, many: true }));
        shelf.arrive(1, 1, now);
        assert!(shelf.under_way(now).is_some());
        assert_eq!(shelf.under_way(now + UNDER_WAY), None, "others got the second one");
        assert_eq!(shelf.under_way(now), None, "and it is not waited for again");
    }

    #[test]
    fn own_pushes_are_waited_for_until_others_prove_faster() {
        let (mut shelf, now) = shelf();
        shelf.note_pushed(1, now);
        assert_eq!(shelf.under_way(now), None, "nobody delivers without a subscription");
        shelf.subscribe(1, 10, 0, now);
        shelf.note_pushed(1, now);
        assert_eq!(shelf.under_way(now), Some(UnderWay { until: now + UNDER_WAY, many: false }));
        assert_eq!(shelf.under_way(now + UNDER_WAY), None);
        shelf.note_pushed(1, now + UNDER_WAY);
        assert_eq!(shelf.under_way(now + UNDER_WAY), None);
        shelf.note_pushed(1, now + QUIET * 2);
        assert!(shelf.under_way(now + QUIET * 2).is_some());
    }

    #[test]
    fn a_lane_is_stalled_when_it_is_silent_through_two_looks_with_jobs_ready() {
        let (mut shelf, now) = shelf();
        assert!(!shelf.is_stalled(5) && !shelf.is_stalled(5), "nobody is subscribed");
        shelf.subscribe(1, 10, 5, now);
        assert!(!shelf.is_stalled(5), "it was only just subscribed");
        assert!(!shelf.is_stalled(5));
        assert!(shelf.is_stalled(5));
        shelf.arrive(1, 1, now);
        assert!(!shelf.is_stalled(5) && !shelf.is_stalled(5), "one waits to be pulled");
        shelf.take();
        assert!(!shelf.is_stalled(0) && !shelf.is_stalled(0), "nothing is ready");
    }

    #[test]
    fn a_lane_with_more_behind_it_is_worth_subscribing_to_again() {
        let (mut shelf, now) = shelf();
        assert!(shelf.missing(now).is_some(), "who knows");
        shelf.subscribe(1, 1, 2, now);
        assert_eq!(shelf.missing(now), None);
        shelf.arrive(1, 1, now);
        shelf.take();
        assert_eq!(shelf.missing(now), Some(now + KEEP), "there were two");
        assert_eq!(shelf.missing(now + KEEP), None, "but not worth waiting for ever");
        shelf.subscribe(2, 1, 1, now);
        shelf.arrive(2, 2, now);
        shelf.take();
        assert_eq!(shelf.missing(now), None, "that was the last");
    }

    #[test]
    fn what_is_not_pulled_becomes_stale() {
        let (mut shelf, now) = shelf();
        shelf.subscribe(1, 10, 0, now);
        shelf.arrive(1, 1, now);
        assert!(!shelf.is_stale(now + KEEP));
        assert!(shelf.is_stale(now + KEEP * 2));
        assert_eq!((shelf.clear(), shelf.ready()), (vec![1], 0));
    }
}
