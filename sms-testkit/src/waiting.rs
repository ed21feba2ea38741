//! Messages that wait for a time, for tests of a store that is reopened after its clock was set.
//!
//! A test creates [`Waiting`] messages, closes the store, changes the clock, opens the store again,
//! and calls [`expect_on_time`](Waiting::expect_on_time). The functions below are the single steps.

use sms_core::PerLane;
use std::time::Duration;

use sms_core::clock::datetime_from_ms;
use sms_core::store::decision::Verdict;
use sms_core::store::{
    BeginRequest, DueRequest, ExpireRequest, InsertRequest, RescueRequest, Settlement,
};
use sms_core::{Class, ManualClock, Message, MessageId, Outcome, Store};

/// Tolerance of [`Waiting::expect_on_time`] after a clock was set back: store time that is ahead of
/// the wall clock runs slower by a tenth until both agree.
pub const SLACK: Duration = Duration::from_secs(8);

const LEASE: Duration = Duration::from_secs(40);
/// Time from the end of a lease to the end of the minute.
const REST: Duration = Duration::from_secs(20);

/// One message of each kind that waits for a time.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// A message that is due.
    pub queued: MessageId,
    /// A message that is scheduled in a minute.
    pub scheduled: MessageId,
    /// A message that is being sent, under a lease of 40 s.
    pub sending: MessageId,
    /// A message that was deferred, and is tried again in a minute.
    pub retrying: MessageId,
}

impl Waiting {
    /// Creates the messages in a store with this time, in milliseconds since the Unix epoch.
    pub async fn new(store: &dyn Store, now_ms: i64) -> Self {
        let message = || Message::new("+79251234567", "Код 1234").class(Class::Otp);
        let in_a_minute = datetime_from_ms(now_ms + 60_000);
        let queued = insert(store, &message()).await;
        let scheduled = insert(store, &message().send_at(in_a_minute)).await;
        let (sending, retrying) =
            (insert(store, &message()).await, insert(store, &message()).await);
        assert_eq!((begin(store, sending, 1).await, begin(store, retrying, 2).await), (1, 1));
        let settlement = Settlement::new(
            retrying,
            1,
            "p".to_owned(),
            Outcome::deferred(220, "busy"),
            Verdict::Retry { after: Duration::from_mins(1), counted: true },
        )
        .took(Duration::from_millis(5));
        store.settle(&[settlement]).await.expect("settled");
        Self { queued, scheduled, sending, retrying }
    }

    /// Checks that no message has ended and none is early, and that each continues within a minute
    /// of `clock` plus the tolerance `slack`.
    ///
    /// # Panics
    ///
    /// Panics if a message is early, late, or in a wrong state.
    pub async fn expect_on_time(&self, store: &dyn Store, clock: &ManualClock, slack: Duration) {
        let Self { queued, scheduled, sending, retrying } = *self;
        assert_eq!(store.expire(ExpireRequest::new(10)).await.expect("expired"), []);
        assert_eq!(store.rescue(RescueRequest::new(10)).await.expect("rescued"), []);
        assert_eq!(offered(store).await, [queued]);
        assert_eq!(begin(store, queued, 3).await, 1);
        clock.advance(LEASE + slack);
        let mut rescued = store.rescue(RescueRequest::new(10)).await.expect("rescued");
        rescued.sort_unstable();
        assert_eq!(rescued, [queued, sending]);
        clock.advance(REST + slack);
        let due = offered(store).await;
        assert!(due.contains(&scheduled) && due.contains(&retrying), "{due:?}");
        assert_eq!((begin(store, scheduled, 4).await, begin(store, retrying, 5).await), (1, 1));
    }
}

/// Inserts one message.
///
/// # Panics
///
/// Panics if the message is invalid or not stored.
pub async fn insert(store: &dyn Store, message: &Message) -> MessageId {
    let messages = [message.prepare().expect("valid")];
    let request = InsertRequest::new(&messages);
    assert!(store.insert(request).await.expect("inserted")[0].is_stored());
    messages[0].id
}

/// Begins one message under a lease of 40 s. Returns 1, or 0 if the message cannot be begun.
///
/// # Panics
///
/// Panics if the store fails.
pub async fn begin(store: &dyn Store, id: MessageId, batch: u64) -> usize {
    let ids = [id];
    let request = BeginRequest::new(&ids, "w", batch, "p", LEASE);
    store.begin(request).await.expect("begun").len()
}

/// Claims the messages that are due, and returns their sorted ids.
///
/// # Panics
///
/// Panics if the store fails.
pub async fn offered(store: &dyn Store) -> Vec<MessageId> {
    let request = DueRequest::new(PerLane::all(10), Duration::from_secs(1));
    let mut due: Vec<_> =
        store.due(request).await.expect("due").into_iter().map(|job| job.id).collect();
    due.sort_unstable();
    due
}
