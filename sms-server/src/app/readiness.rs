//! Whether messages can be accepted: by the last that were, or by writing something small.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;
use sms_core::registry::Expect;
use sms_core::{Error, ErrorKind, Registry, Result, StoreFault};
use tokio::time::{Instant, timeout};

/// An outcome that is younger decides alone: nothing is written to find out more.
const FRESH: Duration = Duration::from_secs(2);
/// An outcome that is older says nothing.
const STALE: Duration = Duration::from_secs(10);
/// How long a probe is waited for where a stale outcome is the alternative, and where there is
/// none.
const SHORT_WAIT: Duration = Duration::from_millis(50);
const LONG_WAIT: Duration = Duration::from_secs(2);
/// The kind and the name of the record that probes write and delete.
const KIND: &str = "readiness";
const NAME: &str = "probe";
/// The size of that record, in bytes: more than fits into the free space of pages that a full disk
/// leaves.
const PROBE: usize = 16 * 1024;

/// What is known about the store. Cheap to clone; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Readiness(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    last: Mutex<Option<Outcome>>,
    /// Held by the probe under way: there is one at a time, however many ask.
    probing: tokio::sync::Mutex<()>,
}

/// What the last write came to: nothing, or why it failed.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    at: Instant,
    cause: Option<&'static str>,
}

impl Readiness {
    /// Notes what an insert or another write came to, and passes it on.
    pub(crate) fn note<T>(&self, outcome: Result<T>) -> Result<T> {
        let cause = match &outcome {
            Ok(_) => None,
            Err(error) => match cause_of(error) {
                Some(cause) => Some(cause),
                // The input was refused, which says nothing about the store.
                None => return outcome,
            },
        };
        *self.last() = Some(Outcome { at: Instant::now(), cause });
        outcome
    }

    /// Whether messages can be accepted; the error is the cause in one word.
    pub(crate) async fn check(
        &self,
        registry: &Arc<dyn Registry>,
    ) -> std::result::Result<(), &'static str> {
        if let Some(outcome) = self.younger_than(FRESH) {
            return outcome;
        }
        // A task of its own: who asks for it may not wait for it to end.
        let (readiness, registry) = (self.clone(), Arc::clone(registry));
        let probe = tokio::spawn(async move { readiness.probe(&*registry).await });
        let known = self.younger_than(STALE);
        let wait = if known.is_some() { SHORT_WAIT } else { LONG_WAIT };
        match timeout(wait, probe).await {
            Ok(Ok(outcome)) => outcome,
            // One that writes for so long is not ready for anybody.
            _ => known.unwrap_or(Err(StoreFault::Unreachable.name())),
        }
    }

    async fn probe(&self, registry: &dyn Registry) -> std::result::Result<(), &'static str> {
        let _probing = self.0.probing.lock().await;
        if let Some(outcome) = self.younger_than(FRESH) {
            return outcome;
        }
        let filling = json!("0".repeat(PROBE));
        let written = match registry.put(KIND, NAME, &filling, Expect::Anything).await {
            Ok(_) => registry.delete(KIND, NAME).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = &written {
            tracing::debug!(%error, "the store takes no writes");
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

/// Why the store cannot be written; `None` where the error is about what was to be written.
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
