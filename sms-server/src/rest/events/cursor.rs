//! Positions in the event log, as clients keep them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};
use sms_core::store::EventPage;
use sms_core::{Clock, SystemClock};

/// A position in the event log, and a time at which every event up to it was in the log and those
/// after it were still there.
///
/// Events are removed with their messages, one message at a time, so the log has no oldest position
/// to compare with. The time takes its place: whatever is removed has not changed for as long as
/// messages are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) position: u64,
    /// Seconds since 1970.
    at: u64,
}

impl Cursor {
    /// A position at which the log ends now.
    pub(super) fn at_end(position: u64) -> Self {
        Self { position, at: now() }
    }

    /// The position after an event of this time.
    pub(super) fn after_event(position: u64, at: time::OffsetDateTime) -> Self {
        Self { position, at: u64::try_from(at.unix_timestamp()).unwrap_or_default() }
    }

    /// The position after a page that was read from this one.
    pub(super) fn after_page(self, page: &EventPage) -> Self {
        match page.events.last() {
            Some(last) => Self { position: page.read_to, ..Self::after_event(last.seq, last.at) },
            None if page.read_to == self.position => Self::at_end(self.position),
            // The times of the events that did not match are not known.
            None => Self { position: page.read_to, ..self },
        }
    }

    /// Tells whether events after it may have been removed, where messages are kept for this long.
    pub(super) fn is_older_than(self, retention: Duration) -> bool {
        now().saturating_sub(self.at) > retention.as_secs()
    }
}

fn now() -> u64 {
    u64::try_from(SystemClock.now_ms() / 1000).unwrap_or_default()
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.position, self.at)
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (position, at) = text.split_once('-').ok_or(())?;
        let number = |digits: &str| {
            let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|_| is_plain).ok_or(())
        };
        // Positions of stores are positive numbers of 64 bits with a sign.
        let position = number(position)?;
        i64::try_from(position).map_err(|_| ())?;
        Ok(Self { position, at: number(at)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is() {
        let cursor = Cursor { position: 7, at: 1_800_000_000 };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for wrong in ["", "7", "7-", "-7", "+7-1", "7-1-1", "7-x", "9223372036854775808-1"] {
            assert_eq!(wrong.parse::<Cursor>(), Err(()), "{wrong}");
        }
    }

    #[test]
    fn a_page_without_events_makes_a_cursor_younger_only_at_the_end_of_the_log() {
        let old = Cursor { position: 7, at: 1 };
        let hour = Duration::from_hours(1);
        assert!(old.is_older_than(hour));
        assert!(old.after_page(&EventPage::new(Vec::new(), 9)).is_older_than(hour));
        assert!(!old.after_page(&EventPage::new(Vec::new(), 7)).is_older_than(hour));
    }
}
