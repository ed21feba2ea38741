//! The conformance suite of `sms-testkit`.

use std::time::Duration;

use sms_testkit::QueueHarness;

use crate::support::{Prefix, queue};

const LEASE: Duration = Duration::from_secs(2);

fn fresh() -> QueueHarness {
    let prefix = Prefix::shared();
    QueueHarness::new(queue(prefix.config().lease(LEASE)), LEASE).keeping(prefix)
}

sms_testkit::queue!(fresh());
