//! Inference of the message that an unmatched receipt is about.
//!
//! A receipt names a message only by the provider's id. When the answer with that id is lost, the
//! message is `unknown` and its receipts come under an id that no message has. If there is exactly
//! one such message and exactly one such id within the same time, they very likely belong together.
//! The match is recorded as an inference.

use std::time::Duration;

use time::OffsetDateTime;

use crate::clock::millis::{UnixMs, datetime_from_ms, datetime_to_ms, duration_to_ms};
use crate::message::id::MessageId;
use crate::provider::receipt::Receipt;

/// Longest time from an attempt of unknown outcome to the first receipt about it. Most receipts
/// come within seconds; a later one is left to an operator.
pub const WINDOW: Duration = Duration::from_hours(1);
/// Age of the oldest attempt that is considered: longer than a system is ever down.
pub const HORIZON: Duration = Duration::from_hours(72);
/// Largest difference between the clocks of provider and store.
pub const SKEW: Duration = Duration::from_mins(1);
/// Largest number of unmatched receipts, and of suspects, that one call reads; the newest. With
/// more, hardly any pair would be the only one of its time.
pub const MAX_UNMATCHED: usize = 2_000;

/// A provider id that receipts have and no message has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnmatchedId {
    /// The provider's name.
    pub provider: String,
    /// The id.
    pub provider_id: String,
    /// Time at which its first receipt was made, by the provider's clock; without that, the time at
    /// which it came.
    pub made_at: OffsetDateTime,
    /// Time at which its first receipt came, by the store's clock.
    pub received_at: OffsetDateTime,
    /// Its last receipt.
    pub last: Receipt,
}

impl UnmatchedId {
    /// An id with its only receipt, which came at `received_at`.
    pub fn new(receipt: Receipt, received_at: OffsetDateTime) -> Self {
        Self {
            provider: receipt.provider.clone(),
            provider_id: receipt.provider_id.clone(),
            made_at: receipt.at.unwrap_or(received_at),
            received_at,
            last: receipt,
        }
    }

    /// Groups receipts by their provider id. Each comes with the time at which it was received, in
    /// milliseconds, and the oldest comes first.
    pub fn group_by_id(receipts: impl IntoIterator<Item = (i64, Receipt)>) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for (received_ms, receipt) in receipts {
            let received_at = datetime_from_ms(received_ms);
            let made_at = receipt.at.unwrap_or(received_at);
            let name = (receipt.provider.clone(), receipt.provider_id.clone());
            let place = *places.entry(name).or_insert(found.len());
            if let Some(known) = found.get_mut(place) {
                known.made_at = known.made_at.min(made_at);
                known.last = receipt;
            } else {
                let (provider, provider_id) =
                    (receipt.provider.clone(), receipt.provider_id.clone());
                found.push(Self { provider, provider_id, made_at, received_at, last: receipt });
            }
        }
        found
    }
}

/// A message with an attempt of unknown outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// The message.
    pub id: MessageId,
    /// The provider that was asked.
    pub provider: String,
    /// Start of the attempt of unknown outcome, by the store's clock.
    pub unknown_at: UnixMs,
    /// True if the message is `unknown`, or `sent` without an id. The others are listed because the
    /// unmatched id may still be the one of their attempt of unknown outcome.
    pub can_take_provider_id: bool,
}

/// True if a receipt made at this time can be about an attempt of unknown outcome that began at
/// `unknown_at`.
pub fn is_of_one_time(unknown_at: UnixMs, made_at: OffsetDateTime) -> bool {
    let made_at = datetime_to_ms(made_at);
    (unknown_at - duration_to_ms(SKEW)..=unknown_at + duration_to_ms(WINDOW)).contains(&made_at)
}

/// Start of the oldest attempt that is considered; earlier ones are left to an
/// operator.
pub fn horizon(now_ms: UnixMs) -> UnixMs {
    now_ms.saturating_sub(duration_to_ms(HORIZON))
}

/// Pairs without another candidate: no other message fits the id, and no other id fits the message.
///
/// An id is not paired until `quiet` has passed since its first receipt came, because the answer
/// with that id may still be on its way; until then it counts as a candidate. There are no pairs
/// when either list has [`MAX_UNMATCHED`] entries, for it may then be cut off.
pub fn pairs<'a>(
    suspects: &'a [Suspect],
    unmatched: &'a [UnmatchedId],
    now_ms: i64,
    quiet: Duration,
) -> Vec<(&'a Suspect, &'a UnmatchedId)> {
    let fits = |suspect: &Suspect, id: &UnmatchedId| {
        suspect.provider == id.provider && is_of_one_time(suspect.unknown_at, id.made_at)
    };
    let before = now_ms.saturating_sub(duration_to_ms(quiet));
    let suspects: Vec<&Suspect> =
        suspects.iter().filter(|suspect| suspect.unknown_at >= horizon(now_ms)).collect();
    let mut found = Vec::new();
    if suspects.len() >= MAX_UNMATCHED || unmatched.len() >= MAX_UNMATCHED {
        return found;
    }
    for id in unmatched.iter().filter(|id| datetime_to_ms(id.received_at) <= before) {
        let mut suspects = suspects.iter().copied().filter(|suspect| fits(suspect, id));
        let (Some(suspect), None) = (suspects.next(), suspects.next()) else { continue };
        let rivals = unmatched.iter().filter(|other| fits(suspect, other)).count();
        if suspect.can_take_provider_id && rivals == 1 {
            found.push((suspect, id));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::receipt::ReceiptState;

    const QUIET_TIME: Duration = Duration::from_mins(3);
    const NOW: i64 = 1_767_225_600_000;
    const MINUTE: i64 = 60_000;

    fn suspect(minutes_ago: i64) -> Suspect {
        let unknown_at = NOW - minutes_ago * MINUTE;
        let (id, provider) = (MessageId::new(), "p".to_owned());
        Suspect { id, provider, unknown_at, can_take_provider_id: true }
    }

    fn id(name: &str, minutes_ago: i64) -> UnmatchedId {
        let receipt = Receipt::new("p", name, ReceiptState::Delivered);
        UnmatchedId::group_by_id([(NOW - minutes_ago * MINUTE, receipt)]).remove(0)
    }

    fn pairs_of(suspects: &[Suspect], unmatched: &[UnmatchedId]) -> usize {
        pairs(suspects, unmatched, NOW, QUIET_TIME).len()
    }

    #[test]
    fn one_message_and_one_id_that_stand_alone_belong_together() {
        assert_eq!(pairs_of(&[suspect(10)], &[id("a", 9)]), 1);
        assert_eq!(pairs_of(&[suspect(200), suspect(10)], &[id("a", 199), id("b", 9)]), 2);
    }

    #[test]
    fn two_messages_or_two_ids_of_one_time_are_left_to_a_person() {
        assert_eq!(pairs_of(&[suspect(10), suspect(11)], &[id("a", 9)]), 0);
        assert_eq!(pairs_of(&[suspect(10)], &[id("a", 9), id("b", 8)]), 0);
        assert_eq!(pairs_of(&[suspect(10)], &[id("a", 9), id("too fresh, but a rival", 1)]), 0);
    }

    #[test]
    fn a_message_that_has_its_id_is_a_rival_and_takes_none() {
        let sent = Suspect { can_take_provider_id: false, ..suspect(10) };
        assert_eq!(pairs_of(std::slice::from_ref(&sent), &[id("a", 9)]), 0);
        assert_eq!(pairs_of(&[sent, suspect(11)], &[id("a", 9)]), 0);
    }

    #[test]
    fn what_is_of_another_time_or_provider_or_too_fresh_is_no_pair() {
        assert_eq!(pairs_of(&[suspect(10)], &[id("before", 12)]), 0);
        assert_eq!(pairs_of(&[suspect(80)], &[id("long after", 10)]), 0);
        assert_eq!(pairs_of(&[suspect(10)], &[id("fresh", 2)]), 0);
        assert_eq!(
            pairs_of(&[Suspect { provider: "q".to_owned(), ..suspect(10) }], &[id("a", 9)]),
            0
        );
    }

    #[test]
    fn what_is_older_than_the_horizon_is_left_to_a_person() {
        let minutes = i64::try_from(HORIZON.as_secs() / 60).unwrap();
        assert_eq!(pairs_of(&[suspect(minutes)], &[id("a", minutes - 1)]), 1);
        assert_eq!(pairs_of(&[suspect(minutes + 1)], &[id("a", minutes - 1)]), 0);
    }

    #[test]
    fn receipts_of_one_id_are_one_unmatched_id() {
        let receipt = |state| Receipt::new("p", "a", state);
        let gathered = UnmatchedId::group_by_id([
            (1_000, receipt(ReceiptState::InTransit)),
            (2_000, Receipt::new("p", "b", ReceiptState::Delivered)),
            (3_000, receipt(ReceiptState::Delivered)),
        ]);
        assert_eq!(gathered.len(), 2);
        assert_eq!(datetime_to_ms(gathered[0].received_at), 1_000);
        assert_eq!(gathered[0].last.state, ReceiptState::Delivered);
    }
}
