//! Readiness: whether the store can be written, by the last insert or by a small write.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;
use sms_core::registry::Expect;
use sms_core::{Error, ErrorKind, Registry, Result, StoreFault};
use tokio::time::{Instant, timeout};

/// The age up to which the last outcome is used without a probe.
const FRESH: Duration = Duration::from_secs(2);
/// The age from which the last outcome is ignored.
const STALE: Duration = Duration::from_secs(10);
/// The longest wait for a probe where there is an outcome that can be used instead.
const SHORT_WAIT: Duration = Duration::from_millis(50);
/// The longest wait for a probe where there is none.
const LONG_WAIT: Duration = Duration::from_secs(2);
/// The kind and the name of the record that probes write and delete.
const KIND: &str = "readiness";
const NAME: &str = "probe";
/// The size of that record, in bytes. It does not fit into the free space of existing pages, so
/// that the write fails on a full disk.
const PROBE_BYTES: usize = 16 * 1024;

/// The last known state of the store. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Readiness(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    last: Mutex<Option<Outcome>>,
    /// Held by the running probe: there is one at a time, however many requests there are.
    probing: tokio::sync::Mutex<()>,
}

/// The outcome of the last write.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    at: Instant,
    cause: Option<&'static str>,
}

impl Readiness {
    /// Records the outcome of an insert or another write, and returns it.
    pub(crate) fn note<T>(&self, outcome: Result<T>) -> Result<T> {
        let cause = match &outcome {
            Ok(_) => None,
            Err(error) => match cause_of(error) {
                Some(cause) => Some(cause),
                // The input was refused: this is no sign of a broken store.
                None => return outcome,
            },
        };
        *self.last() = Some(Outcome { at: Instant::now(), cause });
        outcome
    }

    /// Tells whether messages can be accepted. The error is the cause in one word.
    pub(crate) async fn check(
        &self,
        registry: &Arc<dyn Registry>,
    ) -> std::result::Result<(), &'static str> {
        if let Some(outcome) = self.younger_than(FRESH) {
            return outcome;
        }
        // A separate task, which ends although the request may not wait for it.
        let (readiness, registry) = (self.clone(), Arc::clone(registry));
        let probe = tokio::spawn(async move { readiness.probe(&*registry).await });
        let known = self.younger_than(STALE);
        let wait = if known.is_some() { SHORT_WAIT } else { LONG_WAIT };
        match timeout(wait, probe).await {
            Ok(Ok(outcome)) => outcome,
            // A store that takes so long for a small write is as useless as one that is away.
            _ => known.unwrap_or(Err(StoreFault::Unreachable.name())),
        }
    }

    async fn probe(&self, registry: &dyn Registry) -> std::result::Result<(), &'static str> {
        let _probing = self.0.probing.lock().await;
        if let Some(outcome) = self.younger_than(FRESH) {
            return outcome;
        }
        let filling = json!("0".repeat(PROBE_BYTES));
        let written = match registry.put(KIND, NAME, &filling, Expect::Anything).await {
            Ok(_) => registry.delete(KIND, NAME).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = &written {
            tracing::debug!(%error, "the store cannot be written");
        }
        let cause = written.as_ref().err().and_then(cause_of);
        let _ = self.note(written);
        cause.map_or(Ok(()), Err)
    }

    fn younger_than(&self, age: Duration) -> Option<std::result::Result<(), &'static str>> {
        let last = (*self.last()).filter(|last| last.at.elapsed() < age)?;
        Some(last.cause.map_or(Ok(()), Err))
    }

    fn last(&self) -> MutexGuard<'_, Option<Outcome>> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The cause in one word; `None` for an error of the input.
fn cause_of(error: &Error) -> Option<&'static str> {
    match error.kind() {
        ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::KeyReused => {
            None
        }
        kind => Some(error.fault().map_or(kind.code(), StoreFault::name)),
    }
}

#[cfg(test)]
mod tests {
    use sms_core::MemoryRegistry;
    use tokio::time::advance;

    use super::*;

    fn failed(fault: StoreFault) -> Result<()> {
        Err(Error::new(ErrorKind::Unavailable, "no").with_fault(fault))
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_insert_decides_until_a_probe_knows_better_and_probes_are_few() {
        let (readiness, memory) = (Readiness::default(), Arc::new(MemoryRegistry::new()));
        let registry: Arc<dyn Registry> = memory.clone();
        assert_eq!(readiness.check(&registry).await, Ok(()));
        let _ = readiness.note(failed(StoreFault::Full));
        assert_eq!(readiness.check(&registry).await, Err("full"));
        let _ =
            readiness.note(Err::<(), _>(Error::new(ErrorKind::KeyReused, "the client's mistake")));
        assert_eq!(readiness.check(&registry).await, Err("full"));
        let _ = readiness.note(Ok(()));
        assert_eq!(readiness.check(&registry).await, Ok(()));
        let _ = readiness.note(Err::<(), _>(Error::new(ErrorKind::Internal, "a defect")));
        assert_eq!(readiness.check(&registry).await, Err("internal"));
        advance(FRESH).await;
        assert_eq!(readiness.check(&registry).await, Ok(()), "it can be written again");
        assert!(registry.list(KIND).await.unwrap().is_empty(), "a probe leaves nothing behind");
    }
}
