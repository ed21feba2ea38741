//! A provider with an id for each part, asked by status queries.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sms_core::provider::{Polling, ProviderRef, Receipts};
use sms_core::{
    Limits, Outcome, Provider, Receipt, ReceiptState, Result, Status, Submission, async_trait,
};

use crate::support::{TIMEOUT, World, message};

/// Names per status query.
const BATCH: usize = 2;

/// A provider that accepts every message in three parts, and knows the end of one part at the
/// second query about it.
#[derive(Debug)]
struct InParts {
    /// State of the last part in the end. The others are delivered.
    last: ReceiptState,
    /// The names of each query.
    queries: Mutex<Vec<Vec<String>>>,
}

impl InParts {
    fn new(last: ReceiptState) -> Arc<Self> {
        Arc::new(Self { last, queries: Mutex::default() })
    }
}

#[async_trait]
impl Provider for InParts {
    fn name(&self) -> &'static str {
        "in-parts"
    }

    fn limits(&self) -> Limits {
        Limits::new(100, TIMEOUT)
    }

    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        let ids = |it: &Submission| [1, 2, 3].map(|part| format!("{}-{part}", it.id));
        batch.iter().map(|it| Outcome::accepted_parts(ids(it))).collect()
    }

    fn receipts(&self) -> Option<&dyn Receipts> {
        Some(self)
    }
}

#[async_trait]
impl Receipts for InParts {
    fn polling(&self) -> Polling {
        let second = Duration::from_secs(1);
        Polling::new(second, second, Duration::from_hours(1), BATCH)
    }

    async fn query(&self, refs: &[ProviderRef]) -> Result<Vec<Receipt>> {
        let mut queries = self.queries.lock().expect("no panic");
        let is_known = |id: &String| queries.iter().flatten().any(|asked| asked == id);
        let end = |of: &ProviderRef| {
            let is_last = of.provider_id.ends_with("-3");
            let state = if is_last { self.last } else { ReceiptState::Delivered };
            Receipt::new("in-parts", &*of.provider_id, state)
        };
        let known =
            refs.iter().filter(|of| !of.provider_id.ends_with("-2") || is_known(&of.provider_id));
        let found = known.map(end).collect();
        queries.push(refs.iter().map(|of| of.provider_id.clone()).collect());
        Ok(found)
    }
}

#[tokio::test(start_paused = true)]
async fn every_part_is_asked_about_until_the_message_has_its_end() {
    for (last, status) in [
        (ReceiptState::Delivered, Status::Delivered),
        (ReceiptState::Undelivered, Status::Undelivered),
    ] {
        let (world, provider) = (World::new(), InParts::new(last));
        let worker = world.start(Arc::clone(&provider));
        let ids = [world.send(message("one")).await, world.send(message("two")).await];
        for id in ids {
            world.becomes(id, status).await;
        }
        worker.stop().await;
        let queries = provider.queries.lock().expect("no panic").clone();
        assert!(queries.iter().all(|names| names.len() <= BATCH), "{queries:?}");
        for id in ids {
            let asked = |part| {
                let name = format!("{id}-{part}");
                queries.iter().flatten().filter(|asked| **asked == name).count()
            };
            // The second part has no end yet when the first query is answered.
            let expected = if last == ReceiptState::Delivered { [1, 2, 1] } else { [1, 1, 1] };
            assert_eq!([asked(1), asked(2), asked(3)], expected, "{queries:?}");
        }
    }
}
