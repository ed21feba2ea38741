//! Checks of a message that time or settings can change.
//!
//! What [`Message::prepare`](crate::Message::prepare) refuses, it refuses always. What is refused
//! here may have been accepted when it was sent for the first time; so the repeat of a message
//! under its key is answered before these are asked. A stop-list, or a list of the numbers a key
//! may send to, has its place here, too.

use std::time::Duration;

use super::stored::NewMessage;
use crate::clock::millis::{datetime_to_ms, duration_to_ms};
use crate::error::{FieldError, Result};

/// The longest wait for `send_at`: sms.ru schedules two months ahead, and so do we.
pub const MAX_SEND_AHEAD: Duration = Duration::from_hours(60 * 24);
/// How far `send_at` may be in the past: a slow request and clocks that differ, but no mistaken
/// year or time zone.
pub const MAX_SEND_BEHIND: Duration = Duration::from_mins(10);

impl NewMessage {
    /// Checks what time can change: that `send_at` is near enough.
    ///
    /// [`Sender`](crate::Sender) and every `insert_in` do so, and answer the repeat of an accepted
    /// message first.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid), with the field that is refused.
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
