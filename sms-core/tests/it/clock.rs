//! Log lines about the wall clock.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sms_core::{ManualClock, StoreClock};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Keeps the warnings of a thread.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = LogLine(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct LogLine(String);

impl Visit for LogLine {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

#[test]
fn each_jump_of_the_wall_clock_is_one_line_that_says_by_how_much() {
    const HOUR: Duration = Duration::from_hours(1);
    let (clock, warnings) = (ManualClock::new(1_767_225_600_000), Warnings::default());
    let (store, lines) = (StoreClock::new(clock.clone()), warnings.0.clone());
    tracing::subscriber::with_default(warnings, || {
        let read = || {
            for _ in 0..100 {
                clock.advance(Duration::from_secs(1));
                store.read();
            }
        };
        read();
        assert_eq!(*lines.lock().unwrap(), [""; 0], "time that passes is no jump");
        clock.set_back(HOUR);
        read();
        clock.set_forward(HOUR * 2);
        read();
        let kept = store.keep();
        clock.set_back(HOUR);
        StoreClock::resume(clock.clone(), Some(kept));
    });
    let lines = lines.lock().unwrap();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].contains("set back") && lines[0].contains("by_seconds=-3600 "), "{lines:?}");
    assert!(lines[1].contains("set forward") && lines[1].contains("by_seconds=7200 "), "{lines:?}");
    assert!(lines[2].contains("set back") && lines[2].contains("by_seconds=-3600 "), "{lines:?}");
}
