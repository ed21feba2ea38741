//! The checks by phone call.

use std::collections::HashMap;

/// The code of a check before the call.
const WAITING: i32 = 400;
/// The code of a check after the call.
const CONFIRMED: i32 = 401;
/// The code of a check without a call in time, and of an unknown check.
const EXPIRED: i32 = 402;

/// The checks, by the number in their id.
#[derive(Debug, Default)]
pub(crate) struct CallChecks(HashMap<u64, CallCheck>);

#[derive(Debug)]
struct CallCheck {
    id: String,
    code: i32,
}

/// The end of a check: its id and its code.
pub(crate) type Ended = (String, i32);

impl CallChecks {
    pub(crate) fn add(&mut self, number: u64, id: String) {
        self.0.insert(number, CallCheck { id, code: WAITING });
    }

    /// Returns the code of a check.
    pub(crate) fn code(&self, id: &str) -> i32 {
        self.number_of(id)
            .and_then(|number| self.0.get(&number))
            .map_or(EXPIRED, |check| check.code)
    }

    /// Ends a check with a call; `None` if it does not wait for a call.
    pub(crate) fn confirm(&mut self, id: &str) -> Option<Ended> {
        self.end(self.number_of(id)?, CONFIRMED)
    }

    /// Ends a check without a call; `None` if it does not wait for a call.
    pub(crate) fn expire(&mut self, number: u64) -> Option<Ended> {
        self.end(number, EXPIRED)
    }

    fn end(&mut self, number: u64, code: i32) -> Option<Ended> {
        let check = self.0.get_mut(&number).filter(|check| check.code == WAITING)?;
        check.code = code;
        Some((check.id.clone(), code))
    }

    /// Returns the number of the check with exactly this id.
    fn number_of(&self, id: &str) -> Option<u64> {
        let number = id.split_once('-')?.1.parse().ok()?;
        self.0.get(&number).filter(|check| check.id == id).map(|_| number)
    }
}
