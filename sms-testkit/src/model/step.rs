//! Random scenarios, drawn from a seed. Every time in them is a multiple of 5 s, so that a store
//! with a running clock, which is a little ahead, makes the same decisions as the model.

use std::time::Duration;

use fastrand::Rng;
use sms_core::{Class, Message, NewMessage, OnUnknown, OutcomeClass, ReceiptState};
use time::OffsetDateTime;

/// Messages per scenario.
pub(super) const MESSAGES: usize = 5;
/// Messages at the beginning of a scenario that have one provider id. The others have one for each
/// of their [`PARTS`].
pub(super) const WITH_ONE_ID: usize = 2;
/// Parts of the other messages.
pub(super) const PARTS: u8 = 3;

/// One call, or a move of the clock. `of` is the position of a message in the scenario.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Insert {
        first: usize,
        number: usize,
        pushed: bool,
    },
    Advance {
        secs: u64,
    },
    Due,
    Begin {
        mask: u8,
        worker: u8,
    },
    /// Repeats the last `Begin`.
    BeginAgain,
    /// Settles the attempt `back` attempts before the last one.
    Settle {
        of: usize,
        back: u32,
        class: OutcomeClass,
    },
    Rescue,
    Expire,
    Receive {
        of: usize,
        attempt: u32,
        part: u8,
        state: ReceiptState,
        code: i32,
    },
    Awaiting,
    Cancel {
        of: usize,
    },
    Resolve {
        of: usize,
        manual: Manual,
    },
    Infer,
    Unmatched,
    Purge,
}

/// A resolution by an operator.
#[derive(Clone, Copy, Debug)]
pub(super) enum Manual {
    Sent,
    /// With the provider id of this attempt.
    SentAs(u32),
    Failed,
    Resend,
}

/// A message before the time of the scenario is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draft {
    class: Class,
    on_unknown: OnUnknown,
    deadline_secs: u64,
    send_after_secs: Option<u64>,
    key: Option<&'static str>,
    text: &'static str,
    max_attempts: u32,
}

impl Draft {
    fn draw(rng: &mut Rng) -> Self {
        Self {
            class: draw(rng, &Class::ALL),
            on_unknown: draw(rng, &[OnUnknown::Hold, OnUnknown::ResendOnce]),
            deadline_secs: draw(rng, &[35, 60, 300, 3600]),
            send_after_secs: draw(rng, &[None, None, None, Some(0), Some(30)]),
            key: draw(rng, &[None, None, Some("a"), Some("b")]),
            text: draw(rng, &["x", "x", "y"]),
            max_attempts: draw(rng, &[1, 2, 5]),
        }
    }

    pub(super) fn prepare(self, now: OffsetDateTime) -> NewMessage {
        let mut message = Message::new("+79251234567", self.text)
            .class(self.class)
            .on_unknown(self.on_unknown)
            .deadline(Duration::from_secs(self.deadline_secs))
            .max_attempts(self.max_attempts);
        if let Some(key) = self.key {
            message = message.key(key);
        }
        if let Some(secs) = self.send_after_secs {
            message = message.send_at(now + Duration::from_secs(secs));
        }
        let mut prepared = message.prepare().expect("a message of the model is valid");
        if let Some(key) = &mut prepared.key {
            // The content is the text alone. Otherwise two messages would almost never have the
            // same content, and replays would not be tested.
            key.fingerprint = [self.text.as_bytes()[0]; 16];
        }
        prepared
    }
}

/// The messages of a scenario and its steps.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) messages: Vec<Draft>,
    pub(super) steps: Vec<Step>,
}

impl Scenario {
    pub(super) fn new(seed: u64, steps: usize) -> Self {
        let mut rng = Rng::with_seed(seed);
        let messages = (0..MESSAGES).map(|_| Draft::draw(&mut rng)).collect();
        let insert = Step::Insert { first: 0, number: 3, pushed: false };
        let steps =
            std::iter::once(insert).chain((1..steps).map(|_| Step::draw(&mut rng))).collect();
        Self { messages, steps }
    }
}

impl Step {
    /// Draws a step. Calls that change messages are more frequent than the others.
    fn draw(rng: &mut Rng) -> Self {
        let of = rng.usize(..MESSAGES);
        match rng.u32(..100) {
            0..8 => Self::insert(rng, of),
            8..28 => Self::Advance { secs: draw(rng, &SHORT_WAITS) },
            28 => Self::Advance { secs: draw(rng, &LONG_WAITS) },
            29..34 => Self::Due,
            34..52 => Self::begin(rng),
            52..55 => Self::BeginAgain,
            55..75 => Self::settle(rng, of),
            75..80 => Self::Rescue,
            80..82 => Self::Expire,
            82..90 => Self::receive(rng, of),
            90..93 => Self::Awaiting,
            93..95 => Self::Cancel { of },
            95..97 => Self::resolve(rng, of),
            97 => Self::Infer,
            98 => Self::Unmatched,
            _ => Self::Purge,
        }
    }

    fn insert(rng: &mut Rng, first: usize) -> Self {
        Self::Insert { first, number: rng.usize(1..=3), pushed: rng.bool() }
    }

    fn begin(rng: &mut Rng) -> Self {
        Self::Begin { mask: rng.u8(1..1 << MESSAGES), worker: rng.u8(..2) }
    }

    fn settle(rng: &mut Rng, of: usize) -> Self {
        Self::Settle { of, back: draw(rng, &[0, 0, 0, 1, 1, 2]), class: draw(rng, &CLASSES) }
    }

    fn resolve(rng: &mut Rng, of: usize) -> Self {
        let all =
            [Manual::Sent, Manual::SentAs(1), Manual::SentAs(2), Manual::Failed, Manual::Resend];
        Self::Resolve { of, manual: draw(rng, &all) }
    }

    fn receive(rng: &mut Rng, of: usize) -> Self {
        let states = [ReceiptState::InTransit, ReceiptState::Delivered, ReceiptState::Undelivered];
        Self::Receive {
            of,
            attempt: draw(rng, &[1, 1, 2, 3]),
            part: rng.u8(..PARTS),
            state: draw(rng, &states),
            code: rng.i32(100..103),
        }
    }
}

const CLASSES: [OutcomeClass; 6] = [
    OutcomeClass::Accepted,
    OutcomeClass::Rejected,
    OutcomeClass::Deferred,
    OutcomeClass::Blocked,
    OutcomeClass::NotSent,
    OutcomeClass::Unknown,
];

const SHORT_WAITS: [u64; 8] = [5, 5, 10, 10, 30, 60, 60, 300];
/// Waits shorter and longer than the key window and the retention time.
const LONG_WAITS: [u64; 3] = [3600, 40 * 3600, 75 * 3600];

fn draw<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(..from.len())]
}
