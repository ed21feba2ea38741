//! Callbacks: the handlers, the records that wait for each, and the batches they go out in.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use sms_core::clock::duration_to_ms;
use url::form_urlencoded::Serializer;

use crate::simulator::callbacks::post::Target;
use crate::simulator::config::SimulatorConfig;
use crate::simulator::methods::auth::hex;

/// The most records in one request.
const MAX_BATCH: usize = 100;
/// How long sms.ru goes on with a record that is not taken.
const GIVE_UP_MS: i64 = 5 * 86_400_000;

/// One record: its lines, and when it came to be.
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

/// An address that wants records.
#[derive(Debug)]
struct Handler {
    id: u64,
    url: String,
    /// `None` for an address that is never called, because it is not on loopback.
    target: Option<Target>,
    pending: VecDeque<Record>,
    /// Whether a request is under way.
    busy: bool,
    next_attempt_ms: i64,
    next_beat_ms: i64,
}

/// A request to make: which handler it is for, and what it says.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) handler: u64,
    pub(crate) target: Target,
    pub(crate) records: usize,
    pub(crate) form: String,
}

/// What there is to do.
#[derive(Debug)]
pub(crate) enum Work {
    Batch(Batch),
    /// Nothing, until a request under way is over.
    Busy,
    None,
}

/// All handlers.
#[derive(Debug, Default)]
pub(crate) struct Callbacks {
    handlers: Vec<Handler>,
    made: u64,
    /// Every record comes twice.
    pub(crate) duplicates: bool,
    /// Records come in any order.
    pub(crate) shuffle: bool,
}

impl Callbacks {
    pub(crate) fn any(&self) -> bool {
        !self.handlers.is_empty()
    }

    pub(crate) fn urls(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        self.handlers.iter().map(|handler| handler.url.as_str())
    }

    /// No handlers, and none that a request still under way could be taken for.
    pub(crate) fn renewed(&self) -> Self {
        Self { made: self.made, ..Self::default() }
    }

    /// Registers an address, which is tested at once.
    pub(crate) fn add(&mut self, url: &str, now_ms: i64) {
        if self.handlers.iter().any(|handler| handler.url == url) {
            return;
        }
        let target = Target::read(url);
        if target.is_none() {
            tracing::warn!(
                url,
                "the simulator calls loopback addresses over http only; this one is kept and never called"
            );
        }
        self.made += 1;
        self.handlers.push(Handler {
            id: self.made,
            url: url.to_owned(),
            target,
            pending: VecDeque::new(),
            busy: false,
            next_attempt_ms: now_ms,
            next_beat_ms: now_ms,
        });
    }

    /// Takes an address off; `false` when it was not there.
    pub(crate) fn remove(&mut self, url: &str) -> bool {
        let before = self.handlers.len();
        self.handlers.retain(|handler| handler.url != url);
        self.handlers.len() < before
    }

    /// A record for every handler.
    pub(crate) fn tell(&mut self, record: &Record) {
        let copies = if self.duplicates { 2 } else { 1 };
        for handler in self.handlers.iter_mut().filter(|handler| handler.target.is_some()) {
            handler.pending.extend(std::iter::repeat_n(record.clone(), copies));
        }
    }

    /// The `test` records whose time has come: the first at once, then at every beat. However far
    /// the clock was moved, it is one.
    pub(crate) fn beat(&mut self, now_ms: i64, every: Option<Duration>) {
        for handler in &mut self.handlers {
            if handler.target.is_some() && handler.next_beat_ms <= now_ms {
                handler.pending.push_back(Record::test(now_ms));
                let pause_ms = every.map_or(i64::MAX, |every| duration_to_ms(every).max(1));
                handler.next_beat_ms = now_ms.saturating_add(pause_ms);
            }
        }
    }

    /// How many records wait, over all handlers.
    pub(crate) fn pending(&self) -> usize {
        self.handlers.iter().map(|handler| handler.pending.len()).sum()
    }

    /// A batch whose time has come.
    pub(crate) fn due(
        &mut self,
        config: &SimulatorConfig,
        luck: &mut fastrand::Rng,
        now_ms: i64,
    ) -> Option<Batch> {
        let ready = |handler: &&mut Handler| {
            !handler.busy && !handler.pending.is_empty() && handler.next_attempt_ms <= now_ms
        };
        let shuffle = self.shuffle;
        self.handlers
            .iter_mut()
            .find(ready)
            .and_then(|handler| handler.take(config, luck, shuffle, now_ms))
    }

    /// A batch of a handler that is not among `failed`, whether its time has come or not.
    pub(crate) fn any_of(
        &mut self,
        config: &SimulatorConfig,
        luck: &mut fastrand::Rng,
        now_ms: i64,
        failed: &[u64],
    ) -> Work {
        let wanted =
            |handler: &&mut Handler| !handler.pending.is_empty() && !failed.contains(&handler.id);
        let (mut busy, shuffle) = (false, self.shuffle);
        for handler in self.handlers.iter_mut().filter(wanted) {
            if handler.busy {
                busy = true;
            } else if let Some(batch) = handler.take(config, luck, shuffle, now_ms) {
                return Work::Batch(batch);
            }
        }
        if busy { Work::Busy } else { Work::None }
    }

    /// What came of a batch. A handler that was taken off meanwhile does not ask any more.
    pub(crate) fn settle(&mut self, handler: u64, taken: Option<usize>, now_ms: i64) {
        let Some(handler) = self.handlers.iter_mut().find(|known| known.id == handler) else {
            return;
        };
        handler.busy = false;
        if let Some(records) = taken {
            // Records are added at the back only while a batch is under way, so these are the ones
            // it had.
            handler.pending.drain(..records.min(handler.pending.len()));
            handler.next_attempt_ms = now_ms;
        } else {
            handler.pending.retain(|record| now_ms - record.at_ms < GIVE_UP_MS);
        }
    }
}

impl Handler {
    /// The next batch, with its repeat planned in case it fails: a minute from the moment it is
    /// made, for the clock may be moved before its end.
    fn take(
        &mut self,
        config: &SimulatorConfig,
        luck: &mut fastrand::Rng,
        shuffle: bool,
        now_ms: i64,
    ) -> Option<Batch> {
        let target = self.target.clone()?;
        if shuffle {
            luck.shuffle(self.pending.make_contiguous());
        }
        self.busy = true;
        self.next_attempt_ms = now_ms.saturating_add(duration_to_ms(config.callback_retry));
        let records: Vec<&str> =
            self.pending.iter().take(MAX_BATCH).map(|record| &*record.lines).collect();
        let form = form(&records, &config.api_id, config.callback_index_base);
        Some(Batch { handler: self.id, target, records: records.len(), form })
    }
}

/// The body of a callback: the records, and a hash over the account's key and all of them.
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
