use super::*;
use crate::message::{Message, MessageId};
use crate::provider::outcome::Outcome;
use crate::provider::receipt::ReceiptState;

fn state_of(status: Status) -> DeliveryState {
    let message = Message::new("+79251234567", "hi").prepare().expect("valid");
    DeliveryState {
        status,
        ..DeliveryState::accept(&message, StoreTime::of_wall(0), Duration::ZERO)
    }
}

#[test]
fn a_transition_that_is_not_in_the_table_leaves_the_message_as_it_was() {
    let id = MessageId::new();
    let settlement = |outcome, verdict| Settlement::new(id, 0, "p", outcome, verdict);
    let lease = Duration::from_secs(1);
    let ids = [id];
    let request = BeginRequest::new(&ids, "w", 1, "p", lease);
    let is_done = |before: Status, after: &DeliveryState, done: bool| {
        assert_eq!(done, before.may_become(after.status) && before != after.status, "{before}");
        assert!(done || *after == state_of(before), "{before} was changed: {after:?}");
    };
    for before in Status::ALL {
        let mut it = state_of(before);
        let done = it.begin(1, &request);
        is_done(before, &it, done);
        for verdict in [
            Verdict::Sent,
            Verdict::SentBefore,
            Verdict::Failed,
            Verdict::Unknown,
            Verdict::Retry { after: lease, counted: true },
            Verdict::Resend { after: lease },
        ] {
            let mut it = state_of(before);
            let done = it.settle(1, &settlement(Outcome::accepted("1"), verdict)).is_some();
            is_done(before, &it, done);
        }
        for change in [DeliveryState::rescue, DeliveryState::expire] {
            let mut it = state_of(before);
            let done = change(&mut it, 1).is_some();
            is_done(before, &it, done);
        }
        let mut it = state_of(before);
        let done = it.cancel(1, "olga".to_owned()).is_some();
        is_done(before, &it, done);
        for how in [Resolution::Sent { provider_id: None }, Resolution::Failed, Resolution::Resend]
        {
            let mut it = state_of(before);
            let done = it.resolve(1, how, "olga".to_owned(), "why".to_owned()).is_some();
            is_done(before, &it, done);
        }
    }
}

#[test]
fn costs_are_asked_for_in_periods_and_at_growing_intervals_until_it_is_enough() {
    let id = MessageId::new();
    let receipt = || Receipt::new("p", "1", ReceiptState::Delivered).cost_later(true);
    let sent =
        DeliveryState { provider_id: Some("1".to_owned()), polls: 7, ..state_of(Status::Sent) };
    for now in [20_000, 20_001, 29_999] {
        let mut it = sent.clone();
        it.receive(id, now, &receipt());
        assert_eq!((it.poll_at, it.polls), (Some(30_000), 0), "{now}");
    }
    let mut it = DeliveryState { status: Status::Delivered, poll_at: Some(0), polls: 0, ..sent };
    let mut intervals = Vec::new();
    while it.plan_cost_query(0) {
        intervals.push(it.poll_at.expect("planned"));
    }
    let expected = [10, 40, 160, 640, 2560, 10_240, 40_960, 163_840].map(|seconds| seconds * 1000);
    assert_eq!(intervals, expected);
    assert_eq!(it.poll_at, None);
}

#[test]
fn a_cost_below_zero_and_one_of_a_part_are_no_cost_of_the_message() {
    let id = MessageId::new();
    let mut it = state_of(Status::Sent);
    let receipt = |cost| {
        let receipt = Receipt::new("p", "1", ReceiptState::InTransit);
        receipt.cost(Money::from_micros(cost))
    };
    assert_eq!(it.receive(id, 1, &receipt(-1)), (ReceiptEffect::Ignored, None));
    it.provider_parts.add(1, "p", ["1", "2"].into_iter());
    assert_eq!(it.receive(id, 1, &receipt(5)), (ReceiptEffect::Ignored, None));
    assert_eq!(it.cost, None);
}

#[test]
fn a_plain_settlement_writes_what_settle_writes_to_any_message_of_its_owner() {
    const NOW: i64 = 5_000_000;
    let after = Duration::from_secs(9);
    let outcomes = [
        (Outcome::accepted("1"), Verdict::Sent),
        (Outcome::rejected(202, "no"), Verdict::Failed),
        (Outcome::deferred(220, "busy"), Verdict::Retry { after, counted: true }),
        (Outcome::blocked(201, "no money"), Verdict::Retry { after, counted: false }),
        (Outcome::unknown("timeout"), Verdict::Unknown),
        (Outcome::not_sent("refused"), Verdict::Unknown),
    ];
    for (outcome, verdict) in outcomes {
        let settlement = Settlement::new(MessageId::new(), 3, "p".to_owned(), outcome, verdict)
            .took(Duration::from_millis(70))
            .poll_after(Some(after));
        let before = DeliveryState {
            attempts: 2,
            fence: 3,
            resends: 1,
            unknown_at: Some(7),
            code: Some(1),
            reason: Some("before".to_owned()),
            ..state_of(Status::Sending)
        };
        let mut expected = before.clone();
        let event = expected.settle(NOW, &settlement);
        let plain = DeliveryState::plain(NOW, &settlement).expect("plain");
        let written = DeliveryState {
            status: plain.state.status,
            updated_at: NOW,
            due_at: plain.due_at().unwrap_or(before.due_at),
            push_at: plain.due_at().unwrap_or(before.push_at),
            attempts: before.attempts - plain.uncounted_attempts(),
            lease: None,
            unknown_at: plain.state.unknown_at.or(before.unknown_at),
            provider: plain.state.provider,
            provider_id: plain.state.provider_id,
            code: plain.state.code,
            reason: plain.state.reason,
            sent_at: plain.state.sent_at,
            poll_at: plain.state.poll_at,
            ..before
        };
        assert_eq!((written, Some(plain.event)), (expected, event), "{verdict:?}");
    }
    let resend = Verdict::Resend { after };
    for verdict in [resend, Verdict::SentBefore, Verdict::Sent] {
        let settlement = Settlement::new(
            MessageId::new(),
            3,
            "p".to_owned(),
            Outcome::unknown("timeout"),
            verdict,
        );
        assert_eq!(DeliveryState::plain(NOW, &settlement), None, "{verdict:?}");
    }
}
