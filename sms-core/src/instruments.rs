//! Counters and histograms of a process, for the recorder of the [`metrics`] crate that the
//! application has installed. Without one they cost next to nothing.
//!
//! Batches are counted after they are recorded. No label holds a phone number or a message text.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use crate::clock::{Clock, SystemClock};
use crate::message::{Class, NewMessage};
use crate::provider::receipt::Receipt;
use crate::rollups::change::{Change, NO_DETAIL};
use crate::rollups::counter::Counter;
use crate::rollups::latency::longest;
use crate::store::requests::ReceiptEffect;
use crate::store::status::Status;
use crate::store::{Inserted, Settlement};

/// Describes every instrument of this crate to the recorder, and begins at 0 the counters with
/// labels that are known, so that the first increase is seen as one.
pub fn describe() {
    describe_counter!("sms_accepted_total", "Messages that were accepted and are stored.");
    describe_counter!("sms_messages_total", "Messages that came into this status.");
    describe_counter!(
        "sms_failures_total",
        "Messages that became failed or undelivered, by the provider's code."
    );
    describe_counter!(
        "sms_cost_millionths_total",
        "Cost of messages, in millionths of the provider's currency."
    );
    describe_histogram!(
        "sms_answer_seconds",
        Unit::Seconds,
        "From acceptance, or the scheduled time, to the provider's answer that it took the message."
    );
    describe_counter!("sms_attempts_total", "Attempts that are recorded.");
    describe_histogram!("sms_call_seconds", Unit::Seconds, "Duration of a call to the provider.");
    describe_counter!("sms_receipts_total", "Receipts that are recorded.");
    describe_gauge!(
        "sms_caretaker_success_timestamp_seconds",
        Unit::Seconds,
        "Time at which a step of the caretaker last went through."
    );
    describe_gauge!(
        "sms_rollup_success_timestamp_seconds",
        Unit::Seconds,
        "Time at which the event log was last counted to its end."
    );
    for class in Class::ALL {
        counter!("sms_accepted_total", "class" => class.as_str()).increment(0);
    }
    for status in Status::ALL.into_iter().filter(|status| Counter::of_status(*status).is_some()) {
        counter!("sms_messages_total", "status" => status.as_str()).increment(0);
    }
    counter!("sms_cost_millionths_total").increment(0);
}

/// Counts the messages of an insert that were stored by it.
pub(crate) fn accepted(messages: &[NewMessage], inserted: &[Inserted]) {
    let mut counts = [0_u64; Class::ALL.len()];
    for (message, inserted) in messages.iter().zip(inserted) {
        counts[message.class as usize] += u64::from(inserted.is_stored());
    }
    for (class, count) in Class::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0) {
        counter!("sms_accepted_total", "class" => class.as_str()).increment(count);
    }
}

/// Notes the duration of a call to a provider.
pub(crate) fn called(provider: &str, took: Duration) {
    histogram!("sms_call_seconds", "provider" => provider.to_owned()).record(took);
}

/// Counts recorded attempts.
pub(crate) fn attempted(settlements: &[Settlement]) {
    let key = |settlement: &Settlement| (settlement.outcome.class, settlement.outcome.code);
    // A batch has one provider and few outcomes, and those of one follow each other.
    for same in
        settlements.chunk_by(|one, next| key(one) == key(next) && one.provider == next.provider)
    {
        let [Settlement { provider, outcome, .. }, ..] = same else { continue };
        counter!(
            "sms_attempts_total",
            "provider" => provider.clone(),
            "outcome" => outcome.class.as_str(),
            "code" => label(outcome.code),
        )
        .increment(same.len() as u64);
    }
}

/// Counts recorded receipts.
pub(crate) fn received(receipts: &[Receipt], effects: &[ReceiptEffect]) {
    for (receipt, effect) in receipts.iter().zip(effects) {
        counter!(
            "sms_receipts_total",
            "provider" => receipt.provider.clone(),
            "state" => receipt.state.as_str(),
            "effect" => effect.as_str(),
        )
        .increment(1);
    }
}

/// Notes that a step of the caretaker went through.
pub(crate) fn caretaker_step(step: &'static str) {
    gauge!("sms_caretaker_success_timestamp_seconds", "step" => step).set(now_seconds());
}

/// Notes that the event log was counted to its end.
pub fn rolled_up_to_the_end() {
    gauge!("sms_rollup_success_timestamp_seconds").set(now_seconds());
}

fn now_seconds() -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of our time are exact in f64")]
    let now = SystemClock.now_ms() as f64;
    now / 1000.0
}

/// Counts what a call of [`roll_up`](crate::Rollups::roll_up) has counted in the store. Each
/// transition is so counted by one of the processes that roll up.
pub fn rolled_up(changes: &[Change]) {
    for Change { counter, detail, count, .. } in changes {
        let code = (*detail != NO_DETAIL).then_some(*detail);
        match counter {
            // Counted when they are accepted.
            Counter::Accepted => {}
            Counter::Latency => {
                let ms = code.and_then(|bucket| u8::try_from(bucket).ok()).map_or(0, longest);
                let many = usize::try_from(*count).unwrap_or(usize::MAX);
                histogram!("sms_answer_seconds")
                    .record_many(Duration::from_millis(ms).as_secs_f64(), many);
            }
            Counter::Cost => counter!("sms_cost_millionths_total").increment(*count),
            Counter::Sent
            | Counter::Delivered
            | Counter::Undelivered
            | Counter::Failed
            | Counter::Unknown
            | Counter::Expired
            | Counter::Cancelled => {
                counter!("sms_messages_total", "status" => counter.as_str()).increment(*count);
                if counter.has_code() {
                    counter!(
                        "sms_failures_total", "status" => counter.as_str(), "code" => label(code),
                    )
                    .increment(*count);
                }
            }
        }
    }
}

/// The text of a code, empty for none.
fn label(code: Option<impl ToString>) -> String {
    code.map_or_else(String::new, |code| code.to_string())
}
