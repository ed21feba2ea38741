//! What is said to Redis: the keys, the scripts, their arguments and answers.

use std::time::Duration;

use redis::{Script, ScriptInvocation, Value};
use sms_core::queue::{LaneStats, LeaseToken};
use sms_core::{Job, Lane, Lease, MessageId, Result};

use crate::error::unreadable;

/// The consumer group of every lane.
const GROUP: &str = "workers";
/// The consumer that is nobody: it holds what was given back, until the next pull takes it first of
/// all.
const RETURNED: &str = "returned";
/// How many ids one script takes: Redis does nothing else while it runs.
pub(crate) const CHUNK: usize = 1000;

/// A token's second number: the entry's sequence number, and below it the number of hand-outs.
const HANDOUT_BITS: u32 = 16;
const HANDOUTS: u64 = (1 << HANDOUT_BITS) - 1;

/// The scripts, and what they always get.
///
/// Each change is one script, so that no crash comes between its steps.
pub(crate) struct Wire {
    /// Ready and leased entries, by [`Lane::number`].
    streams: [String; 3],
    /// Message id → entry, by [`Lane::number`]: so that no id is in a lane twice.
    held: [String; 3],
    bell: String,
    consumer: String,
    push: Script,
    pull: Script,
    ack: Script,
    release: Script,
    stats: Script,
    sweep: Script,
}

/// What a pull got.
pub(crate) enum Pulled {
    /// At least one.
    Leases(Vec<Lease>),
    /// None; the last entry of each key of [`Wire::waited_for`].
    Nothing(Vec<String>),
}

impl Wire {
    pub(crate) fn new(prefix: &str) -> Self {
        let streams = ["urgent", "normal", "bulk"].map(|lane| format!("{{{prefix}}}:{lane}"));
        Self {
            held: streams.clone().map(|stream| format!("{stream}:held")),
            streams,
            bell: format!("{{{prefix}}}:bell"),
            consumer: format!("{:016x}", fastrand::u64(..)),
            push: Script::new(include_str!("scripts/push.lua")),
            pull: Script::new(include_str!("scripts/pull.lua")),
            ack: Script::new(include_str!("scripts/ack.lua")),
            release: Script::new(include_str!("scripts/release.lua")),
            stats: Script::new(include_str!("scripts/stats.lua")),
            sweep: Script::new(include_str!("scripts/sweep.lua")),
        }
    }

    /// The keys an entry can come to.
    pub(crate) fn waited_for(&self) -> Vec<String> {
        self.streams.iter().chain([&self.bell]).cloned().collect()
    }

    pub(crate) fn push(&self, jobs: &[Job], capacity: usize) -> ScriptInvocation<'_> {
        let mut call = self.push.prepare_invoke();
        call.key(&self.streams[..]).key(&self.held[..]).arg(GROUP).arg(capacity);
        for lane in Lane::ALL {
            let of_lane = || jobs.iter().filter(|job| job.lane == lane);
            call.arg(of_lane().count());
            for job in of_lane() {
                call.arg(&job.id.as_bytes()[..]);
            }
        }
        call
    }

    /// `overdue` is the lease time when leases that are over are to be looked for.
    pub(crate) fn pull(&self, max: usize, overdue: Option<Duration>) -> ScriptInvocation<'_> {
        let mut call = self.pull.prepare_invoke();
        call.key(&self.streams[..]).key(&self.bell);
        call.arg(GROUP).arg(&self.consumer).arg(RETURNED).arg(max.min(CHUNK));
        call.arg(overdue.map_or(0, milliseconds));
        call
    }

    pub(crate) fn ack(&self, leases: &[Lease]) -> ScriptInvocation<'_> {
        let mut call = self.ack.prepare_invoke();
        call.key(&self.streams[..]).key(&self.held[..]).arg(GROUP);
        for lane in Lane::ALL {
            let of_lane = || leases.iter().filter(|lease| lease.job.lane == lane);
            call.arg(of_lane().count());
            for lease in of_lane() {
                call.arg(entry(lease.token));
            }
            for lease in of_lane() {
                call.arg(&lease.job.id.as_bytes()[..]);
            }
        }
        call
    }

    pub(crate) fn release(&self, leases: &[Lease]) -> ScriptInvocation<'_> {
        let mut call = self.release.prepare_invoke();
        call.key(&self.streams[..]).key(&self.bell).arg(GROUP).arg(RETURNED);
        for lane in Lane::ALL {
            let of_lane = || leases.iter().filter(|lease| lease.job.lane == lane);
            call.arg(of_lane().count());
            for lease in of_lane() {
                call.arg(entry(lease.token)).arg(lease.token.1 & HANDOUTS);
            }
        }
        call
    }

    pub(crate) fn stats(&self) -> ScriptInvocation<'_> {
        let mut call = self.stats.prepare_invoke();
        call.key(&self.streams[..]).arg(GROUP).arg(RETURNED);
        call
    }

    pub(crate) fn sweep(&self, idle: Duration) -> ScriptInvocation<'_> {
        let mut call = self.sweep.prepare_invoke();
        call.key(&self.streams[..])
            .arg(GROUP)
            .arg(&self.consumer)
            .arg(RETURNED)
            .arg(milliseconds(idle));
        call
    }
}

/// Reads the answer to [`Wire::pull`].
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

/// Reads the answer to [`Wire::stats`].
pub(crate) fn read_stats(answer: Value) -> Result<[LaneStats; 3]> {
    let counts: Option<Vec<i64>> = array(answer)?.iter().map(number).collect();
    let counts = counts.filter(|counts| counts.len() == 9).ok_or_else(unreadable)?;
    Ok(Lane::ALL.map(|lane| {
        let [entries, leased, oldest] =
            [0, 1, 2].map(|i| counts[usize::from(lane.number()) * 3 + i]);
        let ready = usize::try_from(entries - leased).unwrap_or(0);
        LaneStats {
            ready,
            leased: usize::try_from(leased).unwrap_or(0),
            oldest_age_ms: u64::try_from(oldest).ok().filter(|_| ready > 0),
        }
    }))
}

fn lease(lane: Lane, entry: &Value, handouts: &Value, id: &Value) -> Option<Lease> {
    let (ms, sequence) = text(entry)?.split_once('-')?;
    let (ms, sequence): (u64, u64) = (ms.parse().ok()?, sequence.parse().ok()?);
    let handouts = u64::try_from(number(handouts)?).ok()? & HANDOUTS;
    let Value::BulkString(id) = id else { return None };
    let id = MessageId::from_bytes(id.as_slice().try_into().ok()?);
    // A millisecond never sees 2^48 entries.
    Some(Lease {
        job: Job { id, lane },
        token: LeaseToken(ms, sequence << HANDOUT_BITS | handouts),
    })
}

/// The name of the entry this token is of.
fn entry(token: LeaseToken) -> String {
    format!("{}-{}", token.0, token.1 >> HANDOUT_BITS)
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

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}
