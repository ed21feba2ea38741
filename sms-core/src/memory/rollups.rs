//! Counts over time in memory.

use super::row::Row;
use crate::clock::{UnixMs, datetime_to_ms};
use crate::message::{Class, NewMessage};
use crate::rollups::change::{Change, LoggedEvent, NO_DETAIL, changes, start};
use crate::rollups::counter::Counter;
use crate::rollups::requests::{SeriesRequest, Step};
use crate::rollups::series::{CountRow, Series};
use crate::store::event::Event;

/// The counts by the minute and by the hour.
#[derive(Debug, Default)]
pub(super) struct KeptCounts {
    /// Position up to which the log was counted; `None` before counting begins.
    position: Option<u64>,
    /// Acceptances that are not counted yet: time, owner and class.
    accepted: Vec<(UnixMs, String, Class)>,
    rows: Vec<KeptRow>,
}

#[derive(Debug)]
struct KeptRow {
    resolution: Step,
    owner: String,
    row: CountRow,
}

impl KeptCounts {
    pub(super) const fn position(&self) -> Option<u64> {
        self.position
    }

    /// Begins to count after this position.
    pub(super) const fn begin(&mut self, position: u64) {
        self.position = Some(position);
    }

    /// Notes an acceptance, once counting has begun.
    pub(super) fn accept(&mut self, now: UnixMs, message: &NewMessage) {
        if self.position.is_some() {
            let owner = message.owner.clone().unwrap_or_default();
            self.accepted.push((now, owner, message.class));
        }
    }

    /// Counts the acceptances and these events, which end at this position, and drops what is too
    /// old. Returns what the events have changed.
    pub(super) fn add(
        &mut self,
        now: UnixMs,
        events: Vec<LoggedEvent>,
        read_to: Option<u64>,
    ) -> Vec<Change> {
        self.position = read_to.or(self.position);
        for (at, owner, class) in std::mem::take(&mut self.accepted) {
            self.add_row(&owner, CountRow::new(at, class, Counter::Accepted, NO_DETAIL, 1));
        }
        let changes = changes(events);
        for change in &changes {
            let (class, counter) = (change.class, change.counter);
            let row = CountRow::new(change.minute, class, counter, change.detail, change.count);
            self.add_row(&change.owner, row);
        }
        let oldest = |resolution: Step| now.saturating_sub(resolution.kept_ms());
        self.rows.retain(|kept| kept.row.at >= oldest(kept.resolution));
        changes
    }

    fn add_row(&mut self, owner: &str, row: CountRow) {
        for resolution in [Step::Minute, Step::Hour] {
            let row = CountRow { at: start(row.at, resolution.millis()), ..row };
            self.rows.push(KeptRow { resolution, owner: owner.to_owned(), row });
        }
    }

    pub(super) fn series(&self, request: &SeriesRequest) -> Series {
        let is_asked_for = |kept: &&KeptRow| {
            let owner = Some(kept.owner.as_str()).filter(|owner| !owner.is_empty());
            kept.resolution == request.step.resolution() && request.scope.admits(owner)
        };
        Series::of(request, self.rows.iter().filter(is_asked_for).map(|kept| kept.row))
    }
}

/// The part of an event that is counted, with the event before it and its message.
pub(super) fn logged(event: &Event, before: Option<&Event>, row: &Row) -> LoggedEvent {
    let Row { message, created_at, .. } = row;
    LoggedEvent::new(datetime_to_ms(event.at), event.kind, event.status, message.class)
        .owner(message.owner.clone())
        .code(event.details.code)
        .before(before.map(|before| before.status))
        .cost(event.details.cost, &message.route)
        .wanted(Some(*created_at), message.send_at.map(datetime_to_ms))
}
