//! The suites of sms-testkit.

use sms_core::ManualClock;
use sms_testkit::{
    ErasureHarness, RegistryHarness, RollupsHarness, StopListHarness, StoreHarness,
    WorklistsHarness,
};

use crate::common::Folder;

const START: i64 = 1_767_268_800_000;

mod store {
    use super::{Folder, ManualClock, START, StoreHarness};

    async fn fresh() -> StoreHarness {
        let (folder, clock) = (Folder::new(), ManualClock::new(START));
        let store = folder.open().await.clock(clock.clone());
        StoreHarness::new(store, clock).keeping(folder)
    }

    sms_testkit::store!(fresh().await);
}

mod registry {
    use super::{Folder, ManualClock, RegistryHarness, START};

    async fn fresh() -> RegistryHarness {
        let (folder, clock) = (Folder::new(), ManualClock::new(START));
        let store = folder.open().await.clock(clock.clone());
        RegistryHarness::new(store, clock).keeping(folder)
    }

    sms_testkit::registry!(fresh().await);
}

mod rollups {
    use super::{Folder, ManualClock, RollupsHarness, START};

    async fn fresh() -> RollupsHarness {
        let (folder, clock) = (Folder::new(), ManualClock::new(START));
        let store = folder.open().await.clock(clock.clone());
        RollupsHarness::new(store, clock).keeping(folder)
    }

    sms_testkit::rollups!(fresh().await);
}

mod stop_list {
    use super::{Folder, ManualClock, START, StopListHarness};

    async fn fresh() -> StopListHarness {
        let (folder, clock) = (Folder::new(), ManualClock::new(START));
        let store = folder.open().await.clock(clock.clone());
        StopListHarness::new(store, clock).keeping(folder)
    }

    sms_testkit::stop_list!(fresh().await);
}

mod worklists {
    use super::{Folder, WorklistsHarness};

    async fn fresh() -> WorklistsHarness {
        let folder = Folder::new();
        WorklistsHarness::new(folder.open().await).keeping(folder)
    }

    sms_testkit::worklists!(fresh().await);
}

mod erasure {
    use super::{ErasureHarness, Folder, ManualClock, START};

    async fn fresh() -> ErasureHarness {
        let (folder, clock) = (Folder::new(), ManualClock::new(START));
        let store = folder.open().await.clock(clock.clone());
        ErasureHarness::new(store, clock).keeping(folder)
    }

    sms_testkit::erasure!(fresh().await);
}
