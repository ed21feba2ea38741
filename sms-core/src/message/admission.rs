//! Checks of a message with results that depend on the time or on settings.
//!
//! [`Message::prepare`](crate::Message::prepare) refuses the same messages at any time. A message
//! that is refused here may have been accepted when it was sent for the first time. Therefore a
//! replay under an idempotency key is answered before these checks are made. A stop-list, or a list
//! of the numbers that a key may send to, belongs here too.

use std::time::Duration;

use super::stored::NewMessage;
use crate::clock::millis::{datetime_to_ms, duration_to_ms};
use crate::error::{FieldError, Result};

/// Longest time from now to `send_at`: as far ahead as sms.ru schedules messages.
pub const MAX_SEND_AHEAD: Duration = Duration::from_hours(60 * 24);
/// Longest time from `send_at` to now. Enough for a slow request and for clocks that differ, but
/// not for a wrong year or time zone.
pub const MAX_SEND_BEHIND: Duration = Duration::from_mins(10);

impl NewMessage {
    /// Checks that `send_at` is near enough to `now_ms`, in milliseconds since the Unix epoch.
    ///
    /// [`Sender`](crate::Sender) and every `insert_in` make this check, after they have answered
    /// replays of accepted messages.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid), with the field `send_at`.
    pub fn check_at(&self, now_ms: i64) -> Result<()> {
        let Some(at) = self.send_at else { return Ok(()) };
        let ahead = datetime_to_ms(at).saturating_sub(now_ms);
        let rule = if ahead > duration_to_ms(MAX_SEND_AHEAD) {
            "must be at most 60 days ahead"
        } else if ahead < -duration_to_ms(MAX_SEND_BEHIND) {
            "must not be more than 10 minutes in the past; leave it out to send at once"
        } else {
            return Ok(());
        };
        Err(FieldError::new("send_at", "send_at_invalid", rule).into())
    }
}
