//! Encoding of lease tokens, and parsing of the scripts' answers.

use redis::Value;
use sms_core::queue::{LaneStats, LeaseToken};
use sms_core::{Job, Lane, Lease, MessageId, PerLane, Result};

use crate::error::unreadable;

/// Bits of a token's second number that hold the number of hand-outs. The bits above hold the
/// entry's sequence number; the first number is the entry's time in milliseconds.
const HANDOUT_BITS: u32 = 16;
const HANDOUT_MASK: u64 = (1 << HANDOUT_BITS) - 1;

/// Answer to a pull.
pub(crate) enum Pulled {
    /// At least one lease.
    Leases(Vec<Lease>),
    /// No lease. Holds the last entry of each watched key: a later one is news.
    Nothing(Vec<String>),
}

/// Parses the answer to a pull.
///
/// # Errors
///
/// `Internal` for an answer of another form.
pub(crate) fn read_pull(answer: Value) -> Result<Pulled> {
    let mut lists = array(answer)?.into_iter();
    let mut leases = Vec::new();
    for lane in Lane::ALL {
        let mut list = array(lists.next().unwrap_or_default())?.into_iter();
        while let (Some(entry), Some(handouts), Some(id)) = (list.next(), list.next(), list.next())
        {
            leases.push(lease(lane, &entry, &handouts, &id).ok_or_else(unreadable)?);
        }
    }
    if !leases.is_empty() {
        return Ok(Pulled::Leases(leases));
    }
    let last = array(lists.next().unwrap_or_default())?;
    let last: Option<Vec<String>> = last.iter().map(|id| text(id).map(str::to_owned)).collect();
    last.map(Pulled::Nothing).ok_or_else(unreadable)
}

/// Parses the answer to the statistics.
///
/// # Errors
///
/// `Internal` for an answer of another form.
pub(crate) fn read_stats(answer: Value) -> Result<PerLane<LaneStats>> {
    let counts: Option<Vec<i64>> = array(answer)?.iter().map(number).collect();
    let counts = counts.filter(|counts| counts.len() == 9).ok_or_else(unreadable)?;
    Ok(PerLane::new(|lane| {
        let [entries, leased, oldest] =
            [0, 1, 2].map(|i| counts[usize::from(lane.number()) * 3 + i]);
        let ready = usize::try_from(entries - leased).unwrap_or(0);
        LaneStats::new(ready, usize::try_from(leased).unwrap_or(0))
            .oldest_age_ms(u64::try_from(oldest).ok().filter(|_| ready > 0))
    }))
}

/// Id of the entry that this token leases.
pub(crate) fn entry_id(token: LeaseToken) -> String {
    format!("{}-{}", token.0, token.1 >> HANDOUT_BITS)
}

/// Number of hand-outs of the entry when this token was made.
pub(crate) fn handouts(token: LeaseToken) -> u64 {
    token.1 & HANDOUT_MASK
}

fn lease(lane: Lane, entry: &Value, handouts: &Value, id: &Value) -> Option<Lease> {
    let (ms, sequence) = text(entry)?.split_once('-')?;
    let (ms, sequence): (u64, u64) = (ms.parse().ok()?, sequence.parse().ok()?);
    let handouts = u64::try_from(number(handouts)?).ok()? & HANDOUT_MASK;
    let Value::BulkString(id) = id else { return None };
    let id = MessageId::from_bytes(id.as_slice().try_into().ok()?);
    // Loses nothing: Redis cannot add 2^48 entries in a millisecond.
    let token = LeaseToken(ms, sequence << HANDOUT_BITS | handouts);
    Some(Lease::new(Job::new(id, lane), token))
}

fn array(value: Value) -> Result<Vec<Value>> {
    if let Value::Array(values) = value { Ok(values) } else { Err(unreadable()) }
}

fn text(value: &Value) -> Option<&str> {
    if let Value::BulkString(bytes) = value { std::str::from_utf8(bytes).ok() } else { None }
}

fn number(value: &Value) -> Option<i64> {
    if let Value::Int(number) = value { Some(*number) } else { None }
}
