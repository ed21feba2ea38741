//! Processes of a run, and their CPU time and memory.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use serde::de::DeserializeOwned;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Time limit of the end of a killed process.
const KILL_LIMIT: Duration = Duration::from_secs(30);
/// Ticks per second in `/proc/…/stat`, the same on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU time and memory of a process so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) cpu_seconds: f64,
    pub(crate) resident_mib: f64,
    pub(crate) peak_mib: f64,
}

impl Usage {
    pub(crate) fn of_this_process() -> anyhow::Result<Self> {
        Self::at(Path::new("/proc/self"))
    }

    fn of(pid: u32) -> anyhow::Result<Self> {
        Self::at(&Path::new("/proc").join(pid.to_string()))
    }

    fn at(folder: &Path) -> anyhow::Result<Self> {
        let stat = fs::read_to_string(folder.join("stat")).context("a process is gone")?;
        // The second field is the name in parentheses, which may contain anything.
        let fields: Vec<&str> =
            stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
        let ticks =
            |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        let status = fs::read_to_string(folder.join("status"))?;
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim_start_matches(':').split_whitespace().next()?.parse::<f64>().ok()
        };
        Ok(Self {
            cpu_seconds: (ticks(11) + ticks(12)) / TICKS_PER_SECOND,
            resident_mib: kib("VmRSS").unwrap_or(0.0) / 1024.0,
            peak_mib: kib("VmHWM").unwrap_or(0.0) / 1024.0,
        })
    }
}

/// A process of this run. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Running(Child);

impl Running {
    /// Starts a program in an empty environment with these settings.
    pub(crate) fn start(
        program: &Path,
        arguments: &[&str],
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(settings.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        Ok(Self(command.spawn().with_context(|| format!("cannot start {}", program.display()))?))
    }

    /// CPU time and memory of the process.
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        Usage::of(self.0.id().context("a process ended")?)
    }

    /// Checks that the process is still running.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// Kills the process and waits for its end.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        timeout(KILL_LIMIT, self.0.kill()).await.context("a process cannot be killed")??;
        Ok(())
    }
}

/// Runs this program with these arguments in a separate process, and reads the result it prints.
pub(crate) async fn run_separately<T: DeserializeOwned>(
    arguments: &[String],
    limit: Duration,
) -> anyhow::Result<T> {
    let program = std::env::current_exe()?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(limit, command.stderr(Stdio::inherit()).output()).await;
    let output = output.with_context(|| format!("`{}` took too long", arguments.join(" ")))??;
    anyhow::ensure!(output.status.success(), "`{}` failed", arguments.join(" "));
    serde_json::from_slice(&output.stdout).context("a process printed no result")
}
