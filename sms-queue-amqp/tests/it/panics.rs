//! Panics in the tasks of the queue. A log that panics causes them, since a test can give the tasks
//! nothing else from outside.

use std::collections::HashSet;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sms_core::{Job, Lane, MessageId, Queue as _};
use tokio::time::{Instant, sleep};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::support::{Lanes, PATIENCE};

/// A log that panics the first time each task logs that it reconnects.
#[derive(Clone, Default)]
struct PanickingLog(Arc<Mutex<HashSet<String>>>);

#[derive(Default)]
struct LogLine {
    purpose: String,
    reconnects: bool,
}

impl Visit for LogLine {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "purpose" {
            value.clone_into(&mut self.purpose);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.reconnects |=
            field.name() == "message" && format!("{value:?}").contains("reconnecting");
    }
}

impl Subscriber for PanickingLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("sms_queue_amqp")
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = LogLine::default();
        event.record(&mut line);
        if line.reconnects && self.0.lock().expect("no panic in here").insert(line.purpose) {
            std::panic::resume_unwind(Box::new("a defect"));
        }
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_panic_in_any_of_its_tasks_leaves_the_queue_usable_within_seconds() {
    let log = PanickingLog::default();
    let _log = tracing::subscriber::set_default(log.clone());
    let lanes = Lanes::new();
    let queue = lanes.open().await;
    let job = |lane| Job::new(MessageId::new(), lane);
    queue.push(&Lane::ALL.map(job)).await.expect("pushed");
    assert!(!queue.pull(10, Duration::from_secs(5)).await.expect("pulled").is_empty());
    for lane in Lane::ALL {
        lanes.delete(lane).await;
    }
    let deadline = Instant::now() + PATIENCE;
    while log.0.lock().expect("no panic in there").len() < 4 {
        assert!(Instant::now() < deadline, "panicked only: {:?}", log.0.lock());
        // RabbitMQ returns what is published to a deleted queue, and cancels its consumers: both
        // make the tasks reconnect.
        for lane in Lane::ALL {
            let _ = queue.push(&[job(lane)]).await;
        }
        let _ = queue.pull(10, Duration::from_millis(10)).await;
        // A lane that was declared again must not keep the others from being tried.
        for lane in Lane::ALL {
            lanes.try_delete(lane).await;
        }
    }
    let before = Instant::now();
    loop {
        let pushed = queue.push(&Lane::ALL.map(job)).await.is_ok();
        let pulled =
            queue.pull(10, Duration::from_millis(100)).await.is_ok_and(|leases| !leases.is_empty());
        if pushed && pulled {
            break;
        }
        assert!(
            before.elapsed() < Duration::from_secs(5),
            "a task is gone: {:?}",
            before.elapsed()
        );
        sleep(Duration::from_millis(50)).await;
    }
}
