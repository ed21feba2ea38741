//! The suites on the memory adapters.

use sms_core::ManualClock;

/// 2026-01-01 12:00 UTC.
const NOON: i64 = 1_767_268_800_000;

mod store {
    use sms_core::MemoryStore;
    use sms_testkit::StoreHarness;

    fn memory() -> StoreHarness {
        let clock = super::clock();
        StoreHarness::new(MemoryStore::new().clock(clock.clone()), clock)
    }

    sms_testkit::store!(memory());
}

mod queue {
    use std::time::Duration;

    use sms_core::MemoryQueue;
    use sms_testkit::QueueHarness;

    const LEASE: Duration = Duration::from_secs(10);

    fn memory() -> QueueHarness {
        // Only the queue uses the clock in these tests, so that it can be paused.
        tokio::time::pause();
        QueueHarness::new(MemoryQueue::new().capacity(5000).lease(LEASE), LEASE)
    }

    sms_testkit::queue!(memory());
}

mod registry {
    use sms_core::MemoryRegistry;
    use sms_testkit::RegistryHarness;

    fn memory() -> RegistryHarness {
        let clock = super::clock();
        RegistryHarness::new(MemoryRegistry::new().clock(clock.clone()), clock)
    }

    sms_testkit::registry!(memory());
}

mod rollups {
    use sms_core::MemoryStore;
    use sms_testkit::RollupsHarness;

    fn memory() -> RollupsHarness {
        let clock = super::clock();
        RollupsHarness::new(MemoryStore::new().clock(clock.clone()), clock)
    }

    sms_testkit::rollups!(memory());
}

mod worklists {
    use sms_core::MemoryStore;
    use sms_testkit::WorklistsHarness;

    sms_testkit::worklists!(WorklistsHarness::new(MemoryStore::new()));
}

pub(crate) fn clock() -> std::sync::Arc<ManualClock> {
    ManualClock::new(NOON)
}

mod stop_list {
    use sms_core::MemoryStore;
    use sms_testkit::StopListHarness;

    fn memory() -> StopListHarness {
        let clock = super::clock();
        StopListHarness::new(MemoryStore::new().clock(clock.clone()), clock)
    }

    sms_testkit::stop_list!(memory());
}

mod erasure {
    use sms_core::MemoryStore;
    use sms_testkit::ErasureHarness;

    fn memory() -> ErasureHarness {
        let clock = super::clock();
        ErasureHarness::new(MemoryStore::new().clock(clock.clone()), clock)
    }

    sms_testkit::erasure!(memory());
}
