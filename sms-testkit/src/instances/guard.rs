//! Ends a server whose test cannot do so any more.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

/// Waits for the end of its input: that comes when this process ends, however it ends. Then it does
/// what `Drop` would have done. Arguments: the folder, the number of the signal, the server's pid,
/// those of its helpers.
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

/// A shell that outlives this process for a moment.
pub(super) struct Guard(Child);

impl Guard {
    pub(super) fn new(folder: &Path, signal: Signal, pids: &[u32]) -> Self {
        let shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "sms-testkit-guard"])
            .arg(folder)
            .arg(signal.as_raw().to_string())
            .args(pids.iter().map(u32::to_string))
            // Its input is the one thing that ends with this process.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            // Ctrl-C in a terminal is not for the guard.
            .process_group(0)
            .spawn();
        Self(shell.expect("/bin/sh runs"))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // By SIGKILL, before its input ends: or it would set about its work.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
