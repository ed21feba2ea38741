//! The suites of sms-testkit.

use sms_testkit::{RegistryHarness, StoreHarness};

use crate::common::{Clock, Schema};

mod store {
    use super::{Clock, Schema, StoreHarness};

    async fn fresh() -> StoreHarness {
        let (schema, clock) = (Schema::new(), Clock::default());
        StoreHarness::new(clock.of(schema.open().await), clock).keeping(schema)
    }

    sms_testkit::store!(fresh().await);
}

mod registry {
    use super::{Clock, RegistryHarness, Schema};

    async fn fresh() -> RegistryHarness {
        let (schema, clock) = (Schema::new(), Clock::default());
        RegistryHarness::new(clock.of(schema.open().await), clock).keeping(schema)
    }

    sms_testkit::registry!(fresh().await);
}
