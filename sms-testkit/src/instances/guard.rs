//! Cleanup of a server after the process of its test has ended.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

/// Script that waits for the end of its input, which comes when this process ends for any reason.
/// Then it does the work of `Drop`. Arguments: the folder, the number of the signal, the pid of the
/// server, the pids of its helpers.
const SCRIPT: &str = r#"
read -r _
folder=$1 signal=$2 server=$3
shift 2
kill -CONT "$server"
kill "-$signal" "$server"
tries=0
while kill -0 "$server" && [ "$tries" -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
kill -KILL "$@"
rm -rf "$folder"
"#;

/// A shell that outlives this process to clean up.
pub(super) struct Guard(Child);

impl Guard {
    pub(super) fn new(folder: &Path, signal: Signal, pids: &[u32]) -> Self {
        let shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "sms-testkit-guard"])
            .arg(folder)
            .arg(signal.as_raw().to_string())
            .args(pids.iter().map(u32::to_string))
            // A pipe is closed by the system when this process ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            // Not in the group that Ctrl-C in a terminal ends.
            .process_group(0)
            .spawn();
        Self(shell.expect("/bin/sh runs"))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Killed before its input ends. Otherwise it would begin to clean up.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
