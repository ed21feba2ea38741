//! What the writes of one transaction share: what each would have to ask or to note for itself is
//! asked and noted once.

use std::cell::{OnceCell, RefCell};

use rusqlite::{Connection, params};
use sms_core::rollups::requests::Step;
use sms_core::{Class, NewMessage};

use crate::error::DbResult;

/// True if there is any number on the list.
const HAS_STOPS: &str = "SELECT EXISTS (SELECT 1 FROM stop_list)";

/// Notes acceptances, if anybody counts. ?1 minute, ?2 owner, ?3 class, ?4 number.
const NOTE_ACCEPTED: &str = "\
    INSERT INTO acceptances (at, owner, class, count) \
    SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM rollup_position)";

/// A transaction, while writes are added to it.
pub(crate) struct Group<'c> {
    pub(crate) conn: &'c Connection,
    has_stops: OnceCell<bool>,
    accepted: RefCell<Vec<Acceptances>>,
}

/// Messages of one minute, owner and class.
struct Acceptances {
    minute: i64,
    owner: String,
    class: Class,
    count: i64,
}

impl<'c> Group<'c> {
    pub(crate) fn new(conn: &'c Connection) -> Self {
        Self { conn, has_stops: OnceCell::new(), accepted: RefCell::default() }
    }

    /// False if the stop-list is empty. No write of a group changes it.
    pub(crate) fn has_stops(&self) -> DbResult<bool> {
        if let Some(has_stops) = self.has_stops.get() {
            return Ok(*has_stops);
        }
        let has_stops = self.conn.prepare_cached(HAS_STOPS)?.query_row([], |row| row.get(0))?;
        Ok(*self.has_stops.get_or_init(|| has_stops))
    }

    /// Notes that a message was accepted at this time.
    pub(crate) fn accepted(&self, message: &NewMessage, now: i64) {
        let minute = now - now.rem_euclid(1000 * i64::from(Step::Minute.seconds()));
        let (owner, class) = (message.owner.as_deref().unwrap_or_default(), message.class);
        let mut accepted = self.accepted.borrow_mut();
        // There are few, and those of one follow each other.
        let same = accepted
            .iter_mut()
            .rev()
            .find(|it| it.minute == minute && it.class == class && it.owner == owner);
        match same {
            Some(same) => same.count += 1,
            None => accepted.push(Acceptances { minute, owner: owner.to_owned(), class, count: 1 }),
        }
    }

    /// Writes what was noted, before the commit.
    pub(crate) fn finish(self) -> DbResult<()> {
        let accepted = self.accepted.into_inner();
        if accepted.is_empty() {
            return Ok(());
        }
        let mut note = self.conn.prepare_cached(NOTE_ACCEPTED)?;
        for Acceptances { minute, owner, class, count } in accepted {
            note.execute(params![minute, owner, class.number(), count])?;
        }
        Ok(())
    }
}
