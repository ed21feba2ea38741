//! Log lines for messages that end badly: `failed`, `unknown`, `expired`, `undelivered`.
//!
//! Each is one line with the message's id, its attempt, the provider's code and the reason, however
//! the message came to its end. Good ends leave none. A line holds no number and no text of a
//! message.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::message::MessageId;
use crate::provider::receipt::{Receipt, ReceiptState};
use crate::store::requests::ReceiptEffect;
use crate::store::status::Status;
use crate::store::{MessageRequest, Settled, Settlement, Store};
use crate::supervise::catch_panic;

/// Lines a second at the most, so that ten thousand messages that expire together do not drown the
/// log; those beyond are counted, in one line for each batch.
const MAX_LINES: usize = 20;
const SECOND: Duration = Duration::from_secs(1);
/// How long the store may take to tell what became of the messages of one batch.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);
/// Characters of a reason at the most.
const MAX_REASON: usize = 200;
/// So many digits in a row, with what people write between them, may be a phone number.
const MIN_NUMBER: usize = 7;

/// Logs messages that end badly, 20 a second one by one and the rest as a count.
#[derive(Debug, Default)]
pub struct EndLog(Mutex<Option<Lines>>);

/// The lines of a second.
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
}

impl EndLog {
    /// A log that has said nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Logs those that a recorded outcome ended, one answer of the store for each.
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
            let Settlement { id, fence, outcome, .. } = settlement;
            let (code, reason) = (outcome.code, outcome.text.as_deref());
            let end = End { id: *id, status, attempt: *fence, code, reason };
            if self.take(1) == 1 { log(&end, by) } else { left_out += 1 }
        }
        log_rest(left_out, "outcome");
    }

    /// Logs those that a receipt ended, one answer of the store for each.
    pub async fn received(
        &self,
        store: &dyn Store,
        receipts: &[Receipt],
        effects: &[ReceiptEffect],
    ) {
        let undelivered =
            receipts.iter().zip(effects).filter_map(|(receipt, effect)| match effect {
                ReceiptEffect::Applied(id) if receipt.state == ReceiptState::Undelivered => {
                    Some(*id)
                }
                _ => None,
            });
        self.moved(store, &undelivered.collect::<Vec<_>>(), "receipt").await;
    }

    /// Logs those of messages that ended badly, by what moved them: asks the store what became of
    /// the first ones, and counts the others.
    pub async fn moved(&self, store: &dyn Store, ids: &[MessageId], by: &'static str) {
        let listed = self.take(ids.len());
        let look = async {
            for id in &ids[..listed] {
                let Some(stored) = store.get(&MessageRequest::new(*id)).await? else { continue };
                let state = &stored.state;
                if is_bad(state.status) {
                    let (code, reason) = (state.code, state.reason.as_deref());
                    log(
                        &End { id: *id, status: state.status, attempt: state.fence, code, reason },
                        by,
                    );
                }
            }
            Ok(())
        };
        if !matches!(timeout(STORE_TIMEOUT, catch_panic(look)).await, Ok(Ok(()))) {
            tracing::warn!(
                messages = listed,
                by,
                "the store did not tell what became of some messages"
            );
        }
        log_rest(ids.len() - listed, by);
    }

    /// Takes up to so many of the lines of this second.
    fn take(&self, wanted: usize) -> usize {
        if wanted == 0 {
            return 0;
        }
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let lines = match &mut *lines {
            Some(lines) if now - lines.since < SECOND => lines,
            over => over.insert(Lines { since: now, left: MAX_LINES }),
        };
        let taken = wanted.min(lines.left);
        lines.left -= taken;
        taken
    }
}

/// Logs a message that a person ended badly.
pub fn log_by_person(id: MessageId, status: Status, person: &str) {
    if is_bad(status) {
        tracing::warn!(%id, status = status.as_str(), by = person, "message {status}");
    }
}

const fn is_bad(status: Status) -> bool {
    matches!(status, Status::Failed | Status::Unknown | Status::Expired | Status::Undelivered)
}

fn log(end: &End<'_>, by: &'static str) {
    let End { id, status, attempt, code, reason } = end;
    let reason = reason.map(without_numbers);
    tracing::warn!(%id, status = status.as_str(), attempt, code, reason, by, "message {status}");
}

fn log_rest(messages: usize, by: &'static str) {
    if messages > 0 {
        tracing::warn!(
            messages,
            by,
            "more messages ended badly or were sent again; only 20 a second are listed"
        );
    }
}

/// A provider's words on one line, without what may be a phone number.
fn without_numbers(words: &str) -> String {
    let mut shown = String::new();
    let mut run = String::new();
    let end_run = |run: &mut String, shown: &mut String| {
        let digits = run.chars().filter(char::is_ascii_digit).count();
        shown.push_str(if digits < MIN_NUMBER { run } else { "***" });
        run.clear();
    };
    for c in words.chars().take(MAX_REASON) {
        let c = if c.is_control() { ' ' } else { c };
        if c.is_ascii_digit() || !run.is_empty() && " ()-".contains(c) {
            run.push(c);
        } else {
            end_run(&mut run, &mut shown);
            shown.push(c);
        }
    }
    end_run(&mut run, &mut shown);
    shown
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
        assert_eq!(without_numbers(&"я".repeat(1000)).chars().count(), MAX_REASON);
    }
}
