//! The conformance suite of `sms-testkit`.

use std::time::Duration;

use sms_testkit::QueueHarness;

use crate::support::Lanes;

const LEASE: Duration = Duration::from_secs(2);

async fn fresh() -> QueueHarness {
    let lanes = Lanes::new();
    QueueHarness::new(lanes.open_with(|config| config.lease(LEASE)).await, LEASE).keeping(lanes)
}

sms_testkit::queue!(fresh().await);
