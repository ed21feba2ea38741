//! Processes and signals.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// Sends a signal to a process. The caller has not waited for its end yet, so that its number
/// cannot belong to another process.
pub(super) fn signal(pid: u32, signal: Signal) {
    // An error means that the process has ended already.
    let _ = to_pid(pid).map(|pid| kill_process(pid, signal));
}

pub(super) fn signal_all(pids: &[u32], what: Signal) {
    for pid in pids {
        signal(*pid, what);
    }
}

fn to_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// A process and its children. PostgreSQL has one child per client.
pub(super) fn family(pid: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let children = numbers.filter(|child| stat(*child).is_some_and(|(_, parent)| parent == pid));
    std::iter::once(pid).chain(children).collect()
}

/// Checks that a process is suspended or has ended.
pub(super) fn is_still(pid: u32) -> bool {
    stat(pid).is_none_or(|(state, _)| matches!(state, 'T' | 'Z' | 'X'))
}

/// The state and the parent of a process.
fn stat(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name in parentheses, which may contain anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}
