//! What this process holds of RabbitMQ's messages: delivered and not pulled, or leased.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use sms_core::queue::LeaseToken;
use sms_core::{Job, Lane, Lease};
use tokio::time::Instant;

use crate::consuming::lane_buffer::{KEEP, Shelf};

/// The messages of one connection. Knows nothing of RabbitMQ: what is to be said to it, it gives as
/// [`Word`]s, which must be sent in the order in which they are given.
#[derive(Debug)]
pub(crate) struct Book {
    /// Numbers the connections, so that the leases of an old one are known as such. Starts
    /// anywhere, so that those of another process are too.
    session: u64,
    shelves: [Shelf; 3],
    /// By delivery tag.
    held: BTreeMap<u64, Held>,
    /// When leases end, in the order in which they began. Names some that are settled.
    ends: VecDeque<(Instant, u64)>,
    seen: Seen,
    lease: Duration,
    /// Pulls that wait, and how many jobs they want together.
    pulls: usize,
    wanted: usize,
    /// When the last one ended, and how many it wanted.
    last_pull: (Instant, usize),
    /// Numbers the subscriptions.
    subscriptions: u64,
}

#[derive(Debug)]
struct Held {
    job: Job,
    subscription: u64,
    leased: bool,
}

/// Something to say to RabbitMQ about the message of this delivery tag; `multiple`: and about all
/// before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Ack {
        tag: u64,
        multiple: bool,
    },
    Requeue {
        tag: u64,
        multiple: bool,
    },
    /// Put aside: it is no job.
    Reject {
        tag: u64,
    },
}

/// How a pull stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pulled {
    Leases(Vec<Lease>),
    /// There may be better before this time.
    Wait(Instant),
    /// There is nothing; `certain` when every lane has been asked.
    Nothing {
        certain: bool,
    },
}

impl Book {
    pub(crate) fn new(lease: Duration) -> Self {
        let now = Instant::now();
        Self {
            session: fastrand::u64(..),
            shelves: [Shelf::new(now), Shelf::new(now), Shelf::new(now)],
            held: BTreeMap::new(),
            ends: VecDeque::new(),
            seen: Seen::default(),
            lease,
            pulls: 0,
            wanted: 0,
            last_pull: (now, 0),
            subscriptions: 0,
        }
    }

    /// Forgets everything: the connection is gone, so all of it is RabbitMQ's again.
    pub(crate) fn forget(&mut self, now: Instant) {
        self.session = self.session.wrapping_add(1);
        self.shelves = [Shelf::new(now), Shelf::new(now), Shelf::new(now)];
        self.held.clear();
        self.ends.clear();
        self.seen = Seen::default();
    }

    pub(crate) fn shelf(&mut self, lane: Lane) -> &mut Shelf {
        &mut self.shelves[usize::from(lane.number())]
    }

    /// A pull of `max` begins to wait.
    pub(crate) fn begin_pull(&mut self, max: usize) {
        self.pulls += 1;
        self.wanted = self.wanted.saturating_add(max);
    }

    pub(crate) fn end_pull(&mut self, max: usize, now: Instant) {
        self.pulls -= 1;
        self.wanted = self.wanted.saturating_sub(max);
        self.last_pull = (now, max);
    }

    /// The lanes that RabbitMQ delivers nothing of, if anybody pulls.
    pub(crate) fn lacking(&self, now: Instant) -> Vec<Lane> {
        if self.is_idle(now) {
            return Vec::new();
        }
        let lacks = |lane: &Lane| self.shelves[usize::from(lane.number())].used_up();
        Lane::ALL.into_iter().filter(lacks).collect()
    }

    /// How large a subscription to these lanes should be now.
    pub(crate) fn window(&self, lanes: &[Lane], now: Instant) -> u16 {
        let wanted = self.wanted.max(self.last_pull.1);
        let window =
            |lane: &Lane| self.shelves[usize::from(lane.number())].next_window(wanted, now);
        lanes.iter().map(window).max().unwrap_or(1)
    }

    /// Nobody pulls, nor did a moment ago.
    fn is_idle(&self, now: Instant) -> bool {
        self.pulls == 0 && now - self.last_pull.0 > KEEP
    }

    /// Pulls wait besides the one that asks.
    pub(crate) fn others_wait(&self) -> bool {
        self.pulls > 1
    }

    pub(crate) fn next_subscription(&mut self) -> u64 {
        self.subscriptions += 1;
        self.subscriptions
    }

    /// A delivery, of a message that is a job or is none.
    pub(crate) fn arrive(
        &mut self,
        lane: Lane,
        subscription: u64,
        tag: u64,
        job: Option<Job>,
        now: Instant,
    ) -> Option<Word> {
        self.seen.insert(tag);
        let Some(job) = job else { return Some(Word::Reject { tag }) };
        let idle = self.is_idle(now);
        let lane = self.shelf(lane);
        if idle && !lane.is_current(subscription) {
            // It came after we unsubscribed.
            return Some(Word::Requeue { tag, multiple: false });
        }
        lane.arrive(subscription, tag, now);
        self.held.insert(tag, Held { job, subscription, leased: false });
        None
    }

    /// Leases up to `max` jobs, unless it is better to wait.
    pub(crate) fn pull(&mut self, max: usize, now: Instant) -> Pulled {
        let mut counts = [0; 3];
        let mut room = max;
        for lane in Lane::ALL {
            let index = usize::from(lane.number());
            counts[index] = room.min(self.shelves[index].ready());
            room -= counts[index];
            if room == 0 {
                break;
            }
            if counts == [0; 3] && self.shelves[index + 1..].iter().any(|lane| lane.ready() > 0) {
                // What has come in the lanes after this one must not overtake it for want of a
                // subscription.
                if let Some(until) = self.shelves[index].missing(now) {
                    return Pulled::Wait(until);
                }
            }
            let Some(under_way) = self.shelves[index].under_way(now) else { continue };
            if counts == [0; 3] {
                // Nor because this one's are still on their way.
                return Pulled::Wait(under_way.until);
            }
            if under_way.many && counts[0] == 0 {
                // The rest is as good as here, and a full batch is one call to the provider.
                return Pulled::Wait(under_way.until);
            }
            break;
        }
        if counts == [0; 3] {
            return Pulled::Nothing { certain: self.shelves.iter().all(Shelf::subscribed) };
        }
        Pulled::Leases(self.lease(counts, now))
    }

    fn lease(&mut self, counts: [usize; 3], now: Instant) -> Vec<Lease> {
        let mut leases = Vec::with_capacity(counts.iter().sum());
        for (shelf, count) in self.shelves.iter_mut().zip(counts) {
            for _ in 0..count {
                let Some(tag) = shelf.take() else { break };
                let Some(held) = self.held.get_mut(&tag) else { continue };
                held.leased = true;
                self.ends.push_back((now + self.lease, tag));
                leases.push(Lease { job: held.job, token: LeaseToken(self.session, tag) });
            }
        }
        leases
    }

    /// There is something to pull.
    pub(crate) fn has_ready(&self) -> bool {
        self.shelves.iter().any(|shelf| shelf.ready() > 0)
    }

    /// Acks these. What is not leased, or not leased by these tokens, is left alone.
    pub(crate) fn ack(&mut self, leases: &[Lease], now: Instant) -> Vec<Word> {
        let tags = self.settle(leases, now);
        self.words(&tags, |tag, multiple| Word::Ack { tag, multiple })
    }

    /// Gives these back. What is not leased, or not leased by these tokens, is left alone.
    pub(crate) fn release(&mut self, leases: &[Lease], now: Instant) -> Vec<Word> {
        let tags = self.settle(leases, now);
        self.words(&tags, |tag, multiple| Word::Requeue { tag, multiple })
    }

    /// Gives back those whose leases are over.
    pub(crate) fn give_back_overdue(&mut self, now: Instant) -> Vec<Word> {
        let mut tags = Vec::new();
        let held = &self.held;
        let mut over = Vec::new();
        while let Some((_, tag)) =
            self.ends.pop_front_if(|(end, tag)| *end <= now || !held.contains_key(tag))
        {
            over.push(tag);
        }
        for tag in over {
            // A tag is of one delivery for ever, so one that is still held is held by this very
            // lease.
            tags.extend(self.remove(tag, now));
        }
        tags.sort_unstable();
        self.words(&tags, |tag, multiple| Word::Requeue { tag, multiple })
    }

    /// Ends the subscriptions nobody uses, and gives back what came and is not pulled. The
    /// subscriptions must be cancelled before the words are sent, or RabbitMQ would deliver the
    /// same again.
    pub(crate) fn give_back_unused(&mut self, now: Instant) -> (Vec<u64>, Vec<Word>) {
        let idle = self.is_idle(now);
        let (mut cancelled, mut tags) = (Vec::new(), Vec::new());
        for shelf in &mut self.shelves {
            if idle || shelf.is_stale(now) {
                cancelled.extend(shelf.unsubscribe());
                tags.extend(shelf.clear());
            }
        }
        for tag in &tags {
            self.remove(*tag, now);
        }
        tags.sort_unstable();
        let words = self.words(&tags, |tag, multiple| Word::Requeue { tag, multiple });
        (cancelled, words)
    }

    /// By lane: how many came and are not pulled, and how many are leased.
    pub(crate) fn counts(&self) -> [(usize, usize); 3] {
        let mut counts = [0, 1, 2].map(|index: usize| (self.shelves[index].ready(), 0));
        for held in self.held.values().filter(|held| held.leased) {
            counts[usize::from(held.job.lane.number())].1 += 1;
        }
        counts
    }

    /// Takes the jobs of these leases off the book; their tags, in order.
    fn settle(&mut self, leases: &[Lease], now: Instant) -> Vec<u64> {
        let mut tags = Vec::with_capacity(leases.len());
        for lease in leases {
            let LeaseToken(session, tag) = lease.token;
            if session == self.session
                && self.held.get(&tag).is_some_and(|held| held.leased && held.job == lease.job)
            {
                tags.extend(self.remove(tag, now));
            }
        }
        tags.sort_unstable();
        tags
    }

    fn remove(&mut self, tag: u64, now: Instant) -> Option<u64> {
        let held = self.held.remove(&tag)?;
        self.shelf(held.job.lane).settled(held.subscription, now);
        Some(tag)
    }

    /// What to say about these tags, which are in order and no longer held: one word for as many as
    /// can be, as "this and all before it". That is wrong where one before it is still held, or was
    /// delivered and not yet seen here.
    fn words(&self, tags: &[u64], word: impl Fn(u64, bool) -> Word) -> Vec<Word> {
        let first_held = self.held.keys().next().copied().unwrap_or(u64::MAX);
        let together = tags.partition_point(|tag| *tag < first_held && *tag <= self.seen.up_to);
        let (together, single) = tags.split_at(together);
        let first = together.last().map(|last| word(*last, together.len() > 1));
        first.into_iter().chain(single.iter().map(|tag| word(*tag, false))).collect()
    }
}

/// Which delivery tags have been seen. Lanes are read side by side, so they come a little out of
/// order.
#[derive(Debug, Default)]
struct Seen {
    /// This one and all before it.
    up_to: u64,
    beyond: BTreeSet<u64>,
}

impl Seen {
    fn insert(&mut self, tag: u64) {
        self.beyond.insert(tag);
        while self.beyond.first().is_some_and(|first| *first == self.up_to + 1) {
            self.beyond.pop_first();
            self.up_to += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use sms_core::MessageId;

    use super::*;

    const LEASE: Duration = Duration::from_secs(10);

    /// A book with a subscription of each lane, numbered 1 to 3.
    fn book() -> (Book, Instant) {
        let (mut book, now) = (Book::new(LEASE), Instant::now());
        book.begin_pull(1);
        for lane in Lane::ALL {
            let number = book.next_subscription();
            book.shelf(lane).subscribe(number, 100, 0, now);
        }
        (book, now)
    }

    fn arrive(book: &mut Book, lane: Lane, tag: u64, now: Instant) -> Job {
        let job = Job { id: MessageId::new(), lane };
        let number = u64::from(lane.number()) + 1;
        assert_eq!(book.arrive(lane, number, tag, Some(job), now), None);
        job
    }

    fn pull(book: &mut Book, max: usize, now: Instant) -> Vec<Lease> {
        match book.pull(max, now) {
            Pulled::Leases(leases) => leases,
            other => panic!("{other:?}"),
        }
    }

    fn tags(leases: &[Lease]) -> Vec<u64> {
        leases.iter().map(|lease| lease.token.1).collect()
    }

    #[test]
    fn the_first_lanes_go_first_and_each_in_the_order_of_arrival() {
        let (mut book, now) = book();
        for (lane, tag) in
            [(Lane::Bulk, 1), (Lane::Normal, 2), (Lane::Normal, 3), (Lane::Urgent, 4)]
        {
            arrive(&mut book, lane, tag, now);
        }
        assert_eq!(tags(&pull(&mut book, 2, now)), [4, 2]);
        assert_eq!(tags(&pull(&mut book, 9, now)), [3, 1]);
        assert_eq!(book.pull(9, now), Pulled::Nothing { certain: true });
    }

    #[test]
    fn one_word_acks_all_that_are_in_a_row() {
        let (mut book, now) = book();
        for tag in 1..=5 {
            arrive(&mut book, Lane::Normal, tag, now);
        }
        let leases = pull(&mut book, 5, now);
        assert_eq!(
            book.ack(&leases[1..3], now),
            [Word::Ack { tag: 2, multiple: false }, Word::Ack { tag: 3, multiple: false }]
        );
        let rest = [leases[4], leases[0], leases[3]];
        assert_eq!(book.ack(&rest, now), [Word::Ack { tag: 5, multiple: true }]);
        assert_eq!(book.ack(&rest, now), [], "a repeat says nothing");
    }

    #[test]
    fn one_word_never_covers_what_is_held_or_not_yet_seen() {
        let (mut book, now) = book();
        for tag in [1, 2, 4] {
            arrive(&mut book, Lane::Normal, tag, now);
        }
        let leases = pull(&mut book, 3, now);
        assert_eq!(
            book.ack(&leases, now),
            [Word::Ack { tag: 2, multiple: true }, Word::Ack { tag: 4, multiple: false }]
        );
        arrive(&mut book, Lane::Bulk, 3, now);
        arrive(&mut book, Lane::Normal, 5, now);
        let leases = pull(&mut book, 1, now);
        assert_eq!(
            book.ack(&leases, now),
            [Word::Ack { tag: 5, multiple: false }],
            "3 waits to be pulled"
        );
    }

    #[test]
    fn what_is_no_job_is_put_aside_and_does_not_stop_the_row() {
        let (mut book, now) = book();
        arrive(&mut book, Lane::Normal, 1, now);
        assert_eq!(book.arrive(Lane::Normal, 2, 2, None, now), Some(Word::Reject { tag: 2 }));
        arrive(&mut book, Lane::Normal, 3, now);
        let leases = pull(&mut book, 2, now);
        assert_eq!(book.release(&leases, now), [Word::Requeue { tag: 3, multiple: true }]);
    }

    #[test]
    fn a_lease_that_is_over_is_given_back_and_its_ack_says_nothing() {
        let (mut book, now) = book();
        arrive(&mut book, Lane::Normal, 1, now);
        arrive(&mut book, Lane::Normal, 2, now);
        let first = pull(&mut book, 1, now);
        let second = pull(&mut book, 1, now + LEASE / 2);
        assert_eq!(book.give_back_overdue(now + LEASE - Duration::from_millis(1)), []);
        assert_eq!(
            book.give_back_overdue(now + LEASE),
            [Word::Requeue { tag: 1, multiple: false }]
        );
        assert_eq!(book.ack(&first, now + LEASE), []);
        assert_eq!(book.ack(&second, now + LEASE), [Word::Ack { tag: 2, multiple: false }]);
        assert_eq!(book.give_back_overdue(now + LEASE * 2), []);
    }

    #[test]
    fn leases_of_an_old_connection_are_nobodys() {
        let (mut book, now) = book();
        arrive(&mut book, Lane::Normal, 1, now);
        let old = pull(&mut book, 1, now);
        book.forget(now);
        for lane in Lane::ALL {
            book.shelf(lane).subscribe(u64::from(lane.number()) + 1, 100, 0, now);
        }
        book.arrive(Lane::Normal, 2, 1, Some(old[0].job), now);
        let new = pull(&mut book, 1, now);
        assert_eq!(book.ack(&old, now), [], "the same tag is another delivery now");
        assert_eq!(book.ack(&new, now), [Word::Ack { tag: 1, multiple: false }]);
    }

    #[test]
    fn an_idle_process_keeps_nothing_from_others() {
        let (mut book, now) = book();
        arrive(&mut book, Lane::Bulk, 1, now);
        assert_eq!(book.give_back_unused(now), (vec![], vec![]), "somebody is pulling");
        book.end_pull(1, now);
        let later = now + KEEP * 2;
        assert_eq!(
            book.give_back_unused(later),
            (vec![1, 2, 3], vec![Word::Requeue { tag: 1, multiple: false }])
        );
        let late = Job { id: MessageId::new(), lane: Lane::Bulk };
        assert_eq!(
            book.arrive(Lane::Bulk, 3, 2, Some(late), later),
            Some(Word::Requeue { tag: 2, multiple: false }),
            "it was under way when we unsubscribed"
        );
    }

    #[test]
    fn a_slow_process_keeps_what_it_does_not_pull_for_a_moment_only() {
        let (mut book, now) = book();
        for tag in 1..=3 {
            arrive(&mut book, Lane::Normal, tag, now);
        }
        let leased = pull(&mut book, 1, now);
        let (cancelled, words) = book.give_back_unused(now + KEEP * 2);
        assert_eq!(cancelled, [2], "the other lanes hold nothing up");
        assert_eq!(
            words,
            [Word::Requeue { tag: 2, multiple: false }, Word::Requeue { tag: 3, multiple: false }]
        );
        assert_eq!(book.counts()[1], (0, 1));
        assert_eq!(book.ack(&leased, now), [Word::Ack { tag: 1, multiple: false }]);
    }

    #[test]
    fn what_is_under_way_in_a_first_lane_is_waited_for() {
        let (mut book, now) = book();
        arrive(&mut book, Lane::Bulk, 1, now);
        book.shelf(Lane::Urgent).note_pushed(1, now);
        assert!(matches!(book.pull(5, now), Pulled::Wait(_)));
        arrive(&mut book, Lane::Urgent, 2, now);
        assert_eq!(tags(&pull(&mut book, 5, now)), [2, 1]);
    }

    #[test]
    fn a_batch_waits_for_its_backlog_but_an_urgent_job_does_not() {
        let (mut book, now) = book();
        book.shelf(Lane::Normal).subscribe(2, 100, 3, now);
        arrive(&mut book, Lane::Normal, 1, now);
        assert!(matches!(book.pull(3, now), Pulled::Wait(_)));
        assert_eq!(tags(&pull(&mut book, 1, now)), [1], "nothing is missing from this one");
        arrive(&mut book, Lane::Urgent, 2, now);
        assert_eq!(tags(&pull(&mut book, 3, now)), [2]);
    }

    #[test]
    fn a_used_up_lane_is_lacking_while_somebody_pulls() {
        let (mut book, now) = book();
        assert_eq!(book.lacking(now), []);
        book.shelf(Lane::Urgent).subscribe(9, 1, 0, now);
        book.arrive(
            Lane::Urgent,
            9,
            1,
            Some(Job { id: MessageId::new(), lane: Lane::Urgent }),
            now,
        );
        pull(&mut book, 1, now);
        assert_eq!(book.lacking(now), [Lane::Urgent]);
        book.end_pull(1, now);
        assert_eq!(book.lacking(now), [Lane::Urgent], "the next pull may come at once");
        assert_eq!(book.lacking(now + KEEP * 2), []);
    }
}
