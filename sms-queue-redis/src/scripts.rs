//! The Lua scripts, their keys and their arguments.

use std::time::Duration;

use redis::{Script, ScriptInvocation};
use sms_core::{Job, Lane, Lease};

use crate::wire::{entry_id, handouts};

/// Consumer group of every stream.
const GROUP: &str = "workers";
/// Consumer that holds returned entries until the next pull, which takes them first. No process
/// reads as this consumer.
const RETURNED: &str = "returned";
/// Limit of the ids in one call: Redis runs nothing else during a script.
pub(crate) const MAX_IDS_PER_CALL: usize = 1000;

/// Calls of the scripts, with the keys of one prefix.
///
/// Each change is one script, so that a crash cannot come between its steps.
pub(crate) struct Scripts {
    /// Keys of the streams, which hold the ready and leased entries, by [`Lane::number`].
    streams: [String; 3],
    /// Keys of the hashes from message id to entry, which keep an id from being in a lane twice, by
    /// [`Lane::number`].
    held: [String; 3],
    /// Key of the stream that gets an entry at each release, to wake pulls.
    bell: String,
    /// Name of this process in the consumer group.
    consumer: String,
    push: Script,
    pull: Script,
    ack: Script,
    release: Script,
    stats: Script,
    remove_consumers: Script,
}

impl Scripts {
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
            remove_consumers: Script::new(include_str!("scripts/remove_consumers.lua")),
        }
    }

    /// Keys of the streams in which a new entry means that there may be a job to pull.
    pub(crate) fn watched_keys(&self) -> Vec<String> {
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

    /// Pulls up to `max` jobs. `lease` is the length of a lease if the call is to search for
    /// expired leases.
    pub(crate) fn pull(&self, max: usize, lease: Option<Duration>) -> ScriptInvocation<'_> {
        let mut call = self.pull.prepare_invoke();
        call.key(&self.streams[..]).key(&self.bell);
        call.arg(GROUP).arg(&self.consumer).arg(RETURNED).arg(max.min(MAX_IDS_PER_CALL));
        call.arg(lease.map_or(0, milliseconds));
        call
    }

    pub(crate) fn ack(&self, leases: &[Lease]) -> ScriptInvocation<'_> {
        let mut call = self.ack.prepare_invoke();
        call.key(&self.streams[..]).key(&self.held[..]).arg(GROUP);
        for lane in Lane::ALL {
            let of_lane = || leases.iter().filter(|lease| lease.job.lane == lane);
            call.arg(of_lane().count());
            for lease in of_lane() {
                call.arg(entry_id(lease.token));
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
                call.arg(entry_id(lease.token)).arg(handouts(lease.token));
            }
        }
        call
    }

    pub(crate) fn stats(&self) -> ScriptInvocation<'_> {
        let mut call = self.stats.prepare_invoke();
        call.key(&self.streams[..]).arg(GROUP).arg(RETURNED);
        call
    }

    /// Removes the consumers that were idle for this time and hold no lease.
    pub(crate) fn remove_consumers(&self, idle: Duration) -> ScriptInvocation<'_> {
        let mut call = self.remove_consumers.prepare_invoke();
        call.key(&self.streams[..])
            .arg(GROUP)
            .arg(&self.consumer)
            .arg(RETURNED)
            .arg(milliseconds(idle));
        call
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}
