//! The suites of sms-testkit, on a clock that stands still until it is moved. The other tests are on the server's.

use std::cell::RefCell;
use std::sync::Arc;

use sms_core::ManualClock;
use sms_store_pg::PgStore;
use sms_testkit::{RegistryHarness, StoreHarness};

use crate::common::{Schema, run};

const START: i64 = 1_767_268_800_000;

thread_local! {
    /// The schema of this test's life before: the model leads hundreds, and to empty one takes less time than to make one.
    static SPARE: RefCell<Option<Schema>> = const { RefCell::new(None) };
}

/// A schema that is kept for the next life of the same test, and dropped with the test's thread.
struct Kept(Option<Schema>);

impl Drop for Kept {
    fn drop(&mut self) {
        SPARE.with(|spare| *spare.borrow_mut() = self.0.take());
    }
}

async fn fresh() -> (PgStore, Arc<ManualClock>, Kept) {
    let schema = match SPARE.with(RefCell::take) {
        Some(schema) => {
            let mut conn = schema.connect().await;
            // Several statements in one go are one transaction.
            let empty = ["messages", "states", "aliases", "parked", "events", "registry"];
            run(&mut conn, &empty.map(|table| format!("DELETE FROM {table};")).concat()).await;
            schema
        }
        None => Schema::new(),
    };
    let clock = ManualClock::new(START);
    (schema.open().await.with_clock(clock.clone()), clock, Kept(Some(schema)))
}

mod store {
    use super::{StoreHarness, fresh};

    async fn harness() -> StoreHarness {
        let (store, clock, schema) = fresh().await;
        StoreHarness::new(store, clock).keeping(schema)
    }

    sms_testkit::store!(harness().await);
}

mod registry {
    use super::{RegistryHarness, fresh};

    async fn harness() -> RegistryHarness {
        let (store, clock, schema) = fresh().await;
        RegistryHarness::new(store, clock).keeping(schema)
    }

    sms_testkit::registry!(harness().await);
}
