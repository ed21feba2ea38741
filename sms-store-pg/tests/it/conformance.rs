//! The suites of sms-testkit, on a clock that only moves when the test moves it. The other tests
//! use the server's clock.

use std::cell::RefCell;
use std::sync::Arc;

use sms_core::ManualClock;
use sms_store_pg::PgStore;
use sms_testkit::{
    ErasureHarness, RegistryHarness, RollupsHarness, StopListHarness, StoreHarness,
    WorklistsHarness,
};
use sqlx::PgConnection;
use tokio::runtime::Handle;

use crate::common::{Schema, run};

const START: i64 = 1_767_268_800_000;

thread_local! {
    /// The schema that an earlier case of the same test has left. The model uses hundreds, and
    /// emptying a schema takes less time than creating one and connecting.
    static SPARE: RefCell<Option<Spare>> = const { RefCell::new(None) };
}

struct Spare {
    store: PgStore,
    conn: PgConnection,
    _schema: Schema,
    /// Connections belong to the runtime in which they were opened.
    runtime: tokio::runtime::Id,
}

impl Spare {
    async fn new() -> Self {
        let schema = Schema::new();
        let (store, conn) = (schema.open().await, schema.connect().await);
        Self { store, conn, _schema: schema, runtime: Handle::current().id() }
    }

    async fn emptied(mut self) -> Self {
        // Several statements in one call are one transaction.
        let empty = [
            "messages",
            "states",
            "aliases",
            "parked",
            "events",
            "registry",
            "rollups",
            "acceptances",
            "rollup_position",
            "stop_list",
            "work_items",
        ];
        run(&mut self.conn, &empty.map(|table| format!("DELETE FROM {table};")).concat()).await;
        self
    }
}

/// Keeps it for the next case of the same test; it is dropped with the test's thread.
struct Kept(Option<Spare>);

impl Drop for Kept {
    fn drop(&mut self) {
        SPARE.with(|spare| *spare.borrow_mut() = self.0.take());
    }
}

async fn fresh() -> (PgStore, Arc<ManualClock>, Kept) {
    let spare = match SPARE.with(RefCell::take) {
        Some(spare) if spare.runtime == Handle::current().id() => spare.emptied().await,
        _ => Spare::new().await,
    };
    let clock = ManualClock::new(START);
    (spare.store.clone().clock(clock.clone()), clock, Kept(Some(spare)))
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

mod rollups {
    use super::{RollupsHarness, fresh};

    async fn harness() -> RollupsHarness {
        let (store, clock, schema) = fresh().await;
        RollupsHarness::new(store, clock).keeping(schema)
    }

    sms_testkit::rollups!(harness().await);
}

mod stop_list {
    use super::{StopListHarness, fresh};

    async fn harness() -> StopListHarness {
        let (store, clock, schema) = fresh().await;
        StopListHarness::new(store, clock).keeping(schema)
    }

    sms_testkit::stop_list!(harness().await);
}

mod worklists {
    use super::{WorklistsHarness, fresh};

    async fn harness() -> WorklistsHarness {
        let (store, _, schema) = fresh().await;
        WorklistsHarness::new(store).keeping(schema)
    }

    sms_testkit::worklists!(harness().await);
}

mod erasure {
    use super::{ErasureHarness, fresh};

    async fn harness() -> ErasureHarness {
        let (store, clock, schema) = fresh().await;
        ErasureHarness::new(store, clock).keeping(schema)
    }

    sms_testkit::erasure!(harness().await);
}
