//! The handlers, their pending records, and the batches of records to post.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use sms_core::clock::duration_to_ms;
use url::form_urlencoded::Serializer;

use crate::hex::hex;
use crate::simulator::callbacks::target::Target;
use crate::simulator::config::SimulatorConfig;

/// The maximum of records in one request.
const MAX_BATCH: usize = 100;
/// The age at which sms.ru gives up a record that is not confirmed.
const GIVE_UP_MS: i64 = 5 * 86_400_000;

/// A record: its lines and its time.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    lines: Arc<str>,
    at_ms: i64,
}

impl Record {
    fn new(lines: String, at_ms: i64) -> Self {
        Self { lines: lines.into(), at_ms }
    }

    pub(crate) fn sms_status(sms_id: &str, code: i32, at_ms: i64) -> Self {
        Self::new(format!("sms_status\n{sms_id}\n{code}\n{}", at_ms / 1000), at_ms)
    }

    pub(crate) fn callcheck_status(check_id: &str, code: i32, at_ms: i64) -> Self {
        Self::new(format!("callcheck_status\n{check_id}\n{code}\n{}", at_ms / 1000), at_ms)
    }

    fn test(at_ms: i64) -> Self {
        Self::new(format!("test\n{}", at_ms / 1000), at_ms)
    }
}

/// A registered address.
#[derive(Debug)]
struct Handler {
    id: u64,
    url: String,
    /// `None` for an address that is not on loopback and so is never called.
    target: Option<Target>,
    pending: VecDeque<Record>,
    /// A request is in progress.
    busy: bool,
    next_attempt_ms: i64,
    next_heartbeat_ms: i64,
}

/// A request to post: its handler and its body.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) handler: u64,
    pub(crate) target: Target,
    pub(crate) records: usize,
    pub(crate) form: String,
}

/// The next step of posting all pending records.
#[derive(Debug)]
pub(crate) enum NextBatch {
    Batch(Batch),
    /// Wait for a request in progress.
    Busy,
    /// No pending records.
    None,
}

/// All handlers with their pending records.
#[derive(Debug, Default)]
pub(crate) struct CallbackQueue {
    handlers: Vec<Handler>,
    last_id: u64,
    /// Every record is added twice.
    pub(crate) duplicates: bool,
    /// Records are posted in random order.
    pub(crate) shuffle: bool,
}

impl CallbackQueue {
    pub(crate) fn has_handlers(&self) -> bool {
        !self.handlers.is_empty()
    }

    pub(crate) fn urls(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        self.handlers.iter().map(|handler| handler.url.as_str())
    }

    /// Returns a queue without handlers. It does not give an id again, because a request for the
    /// old handler with that id can still be in progress.
    pub(crate) fn cleared(&self) -> Self {
        Self { last_id: self.last_id, ..Self::default() }
    }

    /// Registers an address. It is tested at once.
    pub(crate) fn add(&mut self, url: &str, now_ms: i64) {
        if self.handlers.iter().any(|handler| handler.url == url) {
            return;
        }
        let target = Target::parse(url);
        if target.is_none() {
            tracing::warn!(
                url,
                "callback address is not http on loopback: it is registered but never called"
            );
        }
        self.last_id += 1;
        self.handlers.push(Handler {
            id: self.last_id,
            url: url.to_owned(),
            target,
            pending: VecDeque::new(),
            busy: false,
            next_attempt_ms: now_ms,
            next_heartbeat_ms: now_ms,
        });
    }

    /// Removes an address. `false` if it is not registered.
    pub(crate) fn remove(&mut self, url: &str) -> bool {
        let before = self.handlers.len();
        self.handlers.retain(|handler| handler.url != url);
        self.handlers.len() < before
    }

    /// Adds a record for every handler.
    pub(crate) fn push(&mut self, record: &Record) {
        let copies = if self.duplicates { 2 } else { 1 };
        for handler in self.handlers.iter_mut().filter(|handler| handler.target.is_some()) {
            handler.pending.extend(std::iter::repeat_n(record.clone(), copies));
        }
    }

    /// Adds the `test` records that are due: the first at once, then one per interval. It adds only
    /// one however far the clock was moved.
    pub(crate) fn add_heartbeats(&mut self, now_ms: i64, interval: Option<Duration>) {
        for handler in &mut self.handlers {
            if handler.target.is_some() && handler.next_heartbeat_ms <= now_ms {
                handler.pending.push_back(Record::test(now_ms));
                let interval_ms =
                    interval.map_or(i64::MAX, |interval| duration_to_ms(interval).max(1));
                handler.next_heartbeat_ms = now_ms.saturating_add(interval_ms);
            }
        }
    }

    /// Counts the pending records of all handlers.
    pub(crate) fn pending(&self) -> usize {
        self.handlers.iter().map(|handler| handler.pending.len()).sum()
    }

    /// Takes a batch that is due.
    pub(crate) fn next_due(
        &mut self,
        config: &SimulatorConfig,
        rng: &mut fastrand::Rng,
        now_ms: i64,
    ) -> Option<Batch> {
        let ready = |handler: &&mut Handler| {
            !handler.busy && !handler.pending.is_empty() && handler.next_attempt_ms <= now_ms
        };
        let shuffle = self.shuffle;
        self.handlers
            .iter_mut()
            .find(ready)
            .and_then(|handler| handler.take(config, rng, shuffle, now_ms))
    }

    /// Takes a batch of a handler that is not among `failed`, due or not.
    pub(crate) fn next_of_any(
        &mut self,
        config: &SimulatorConfig,
        rng: &mut fastrand::Rng,
        now_ms: i64,
        failed: &[u64],
    ) -> NextBatch {
        let wanted =
            |handler: &&mut Handler| !handler.pending.is_empty() && !failed.contains(&handler.id);
        let (mut busy, shuffle) = (false, self.shuffle);
        for handler in self.handlers.iter_mut().filter(wanted) {
            if handler.busy {
                busy = true;
            } else if let Some(batch) = handler.take(config, rng, shuffle, now_ms) {
                return NextBatch::Batch(batch);
            }
        }
        if busy { NextBatch::Busy } else { NextBatch::None }
    }

    /// Ends a request: `confirmed` is the number of records that the handler confirmed, `None`
    /// after a failure. The handler can be removed already.
    pub(crate) fn settle(&mut self, handler: u64, confirmed: Option<usize>, now_ms: i64) {
        let Some(handler) = self.handlers.iter_mut().find(|known| known.id == handler) else {
            return;
        };
        handler.busy = false;
        if let Some(records) = confirmed {
            // While a request is in progress, records are only added at the back. So the records of
            // the batch are still at the front.
            handler.pending.drain(..records.min(handler.pending.len()));
            handler.next_attempt_ms = now_ms;
        } else {
            handler.pending.retain(|record| now_ms - record.at_ms < GIVE_UP_MS);
        }
    }
}

impl Handler {
    /// Takes the next batch and schedules its repetition in case it fails. The delay starts here
    /// and not at the end of the request, because the clock can be moved meanwhile.
    fn take(
        &mut self,
        config: &SimulatorConfig,
        rng: &mut fastrand::Rng,
        shuffle: bool,
        now_ms: i64,
    ) -> Option<Batch> {
        let target = self.target.clone()?;
        if shuffle {
            rng.shuffle(self.pending.make_contiguous());
        }
        self.busy = true;
        self.next_attempt_ms = now_ms.saturating_add(duration_to_ms(config.callback_retry));
        let records: Vec<&str> =
            self.pending.iter().take(MAX_BATCH).map(|record| &*record.lines).collect();
        let form = form(&records, &config.api_id, config.callback_index_base);
        Some(Batch { handler: self.id, target, records: records.len(), form })
    }
}

/// Builds the body of a callback: the records, and the hash of the API id and all records.
fn form(records: &[&str], api_id: &str, base: u32) -> String {
    let mut form = Serializer::new(String::new());
    let mut hash = Sha256::new_with_prefix(api_id);
    for (number, record) in (base..).zip(records) {
        form.append_pair(&format!("data[{number}]"), record);
        hash.update(record);
    }
    form.append_pair("hash", &hex(&hash.finalize()));
    form.finish()
}
