//! Log lines for messages that end badly: `failed`, `unknown`, `expired`, `undelivered`.
//!
//! Each is one line with the message's id, its attempt, the provider's code and the reason. There
//! is no line for a message that ends well. A line contains no phone number and no message text.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::attempt_log;
use crate::instruments;
use crate::message::{MessageId, TraceParent};
use crate::provider::receipt::{Receipt, ReceiptState};
use crate::store::requests::ReceiptEffect;
use crate::store::status::Status;
use crate::store::{MessageRequest, Settled, Settlement, Store};
use crate::supervise::catch_panic;

/// Maximum number of lines per second. Ten thousand messages that expire together must not flood
/// the log; the messages above the limit are counted, in one line for each batch.
const MAX_LINES_PER_SECOND: usize = 20;
const SECOND: Duration = Duration::from_secs(1);
/// Timeout of reading the messages of one batch from the store.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum length of a logged reason, in characters.
const MAX_REASON_CHARS: usize = 200;
/// Shortest run of digits, with separators in between, that is treated as a phone number.
const MIN_PHONE_DIGITS: usize = 7;

/// Logs messages that end badly: up to 20 lines per second, and the rest as a count.
#[derive(Debug, Default)]
pub struct EndLog(Mutex<Option<Lines>>);

/// The lines of the current second.
#[derive(Debug)]
struct Lines {
    since: Instant,
    left: usize,
}

/// A message that ended badly.
struct End<'a> {
    id: MessageId,
    status: Status,
    attempt: u32,
    code: Option<i32>,
    reason: Option<&'a str>,
    traceparent: Option<TraceParent>,
}

impl EndLog {
    /// A log without lines so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Logs the messages that end badly by a recorded outcome. `settled` has one result for each
    /// settlement.
    pub fn settled(&self, settlements: &[Settlement], settled: &[Settled]) {
        let mut left_out = 0;
        for (settlement, settled) in settlements.iter().zip(settled) {
            let (by, status) = match settled {
                Settled::Now(status) | Settled::Known(status) => ("outcome", *status),
                Settled::Late(status) => ("late outcome", *status),
                Settled::Gone => continue,
            };
            if !is_bad(status) {
                continue;
            }
            let Settlement { id, fence, outcome, traceparent, .. } = settlement;
            let (code, reason) = (outcome.code, outcome.text.as_deref());
            let (id, attempt, traceparent) = (*id, *fence, *traceparent);
            let end = End { id, status, attempt, code, reason, traceparent };
            if self.take(1) == 1 { log(&end, by) } else { left_out += 1 }
        }
        log_rest(left_out, "outcome");
    }

    /// Logs the receipts, and the messages that end badly by one. `effects` has one result for each
    /// receipt.
    pub async fn received(
        &self,
        store: &dyn Store,
        receipts: &[Receipt],
        effects: &[ReceiptEffect],
    ) {
        attempt_log::received(receipts, effects);
        instruments::received(receipts, effects);
        // Once for each message, also if several of its parts did not arrive.
        let undelivered: BTreeSet<MessageId> = receipts
            .iter()
            .zip(effects)
            .filter_map(|(receipt, effect)| match effect {
                ReceiptEffect::Applied(id) if receipt.state == ReceiptState::Undelivered => {
                    Some(*id)
                }
                _ => None,
            })
            .collect();
        self.moved(store, &undelivered.into_iter().collect::<Vec<_>>(), "receipt").await;
    }

    /// Logs those of the messages that ended badly, with the cause `by`. Reads them from the store
    /// while lines are left, and counts the others.
    pub async fn moved(&self, store: &dyn Store, ids: &[MessageId], by: &'static str) {
        let listed = self.take(ids.len());
        let log_ends = async {
            for id in &ids[..listed] {
                let Some(stored) = store.get(&MessageRequest::new(*id)).await? else { continue };
                let state = &stored.state;
                if is_bad(state.status) {
                    let (code, reason) = (state.code, state.reason.as_deref());
                    let (status, attempt) = (state.status, state.fence);
                    let traceparent = stored.message.options.traceparent;
                    log(&End { id: *id, status, attempt, code, reason, traceparent }, by);
                }
            }
            Ok(())
        };
        if !matches!(timeout(STORE_TIMEOUT, catch_panic(log_ends)).await, Ok(Ok(()))) {
            tracing::warn!(
                messages = listed,
                by,
                "could not read the messages that may have ended badly from the store"
            );
        }
        log_rest(ids.len() - listed, by);
    }

    /// Takes up to `wanted` of the lines left in this second; returns the number taken.
    fn take(&self, wanted: usize) -> usize {
        if wanted == 0 {
            return 0;
        }
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let lines = match &mut *lines {
            Some(lines) if now - lines.since < SECOND => lines,
            over => over.insert(Lines { since: now, left: MAX_LINES_PER_SECOND }),
        };
        let taken = wanted.min(lines.left);
        lines.left -= taken;
        taken
    }
}

/// Logs a message that ended badly by an operator's decision.
pub fn log_by_person(id: MessageId, status: Status, person: &str) {
    if is_bad(status) {
        tracing::warn!(%id, status = status.as_str(), by = person, "message {status}");
    }
}

const fn is_bad(status: Status) -> bool {
    matches!(status, Status::Failed | Status::Unknown | Status::Expired | Status::Undelivered)
}

fn log(end: &End<'_>, by: &'static str) {
    let End { id, status, attempt, code, reason, traceparent } = end;
    let reason = reason.map(without_numbers);
    let traceparent = traceparent.map(tracing::field::display);
    tracing::warn!(
        %id, status = status.as_str(), attempt, code, reason, by, traceparent, "message {status}"
    );
}

fn log_rest(messages: usize, by: &'static str) {
    if messages > 0 {
        tracing::warn!(
            messages,
            by,
            "more messages ended badly or were resent; at most 20 per second are listed"
        );
    }
}

/// A text on one line, with everything that may be a phone number masked.
pub fn without_numbers(text: &str) -> String {
    let mut masked = String::new();
    let mut run = String::new();
    let end_run = |run: &mut String, masked: &mut String| {
        let digits = run.chars().filter(char::is_ascii_digit).count();
        masked.push_str(if digits < MIN_PHONE_DIGITS { run } else { "***" });
        run.clear();
    };
    for c in text.chars().take(MAX_REASON_CHARS) {
        let c = if c.is_control() { ' ' } else { c };
        if c.is_ascii_digit() || !run.is_empty() && " ()-".contains(c) {
            run.push(c);
        } else {
            end_run(&mut run, &mut masked);
            masked.push(c);
        }
    }
    end_run(&mut run, &mut masked);
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_shows_codes_and_times_and_no_number() {
        let shown = without_numbers(
            "207: no route to +7 (925) 123-45-67,\nasked 127.0.0.1:9000 for 15 s: 79251234567",
        );
        assert_eq!(shown, "207: no route to +***, asked 127.0.0.1:9000 for 15 s: ***");
        assert_eq!(without_numbers(&"я".repeat(1000)).chars().count(), MAX_REASON_CHARS);
    }
}
