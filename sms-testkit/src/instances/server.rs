//! One server: its command, its process, its folder.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use super::guard::Guard;
use super::process::{family, is_still, signal, signal_all};
use crate::ports::Port;

/// Time limit of a start and of a clean stop.
const LIMIT: Duration = Duration::from_mins(2);
/// Time limit of the end of a killed server.
const KILL_LIMIT: Duration = Duration::from_secs(10);
/// Time between two checks.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A server that can be started, and its process while it runs.
pub(super) struct Server {
    pub(super) name: &'static str,
    pub(super) port: Port,
    pub(super) command: Command,
    /// Checks on a new connection that the server answers.
    pub(super) serves: fn(&mut TcpStream) -> io::Result<bool>,
    /// Signal of a clean stop.
    pub(super) stop: Signal,
    /// Signal of an immediate end.
    pub(super) kill: Signal,
    /// A process that ends with the instance, not with the server.
    pub(super) helper: Option<Helper>,
    running: Option<Running>,
    /// The last field, because fields are dropped in order and others use the folder.
    folder: Folder,
}

struct Running {
    child: Child,
    paused: bool,
    _guard: Guard,
}

/// The temporary folder of a server.
pub(super) struct Folder(TempDir);

impl Folder {
    pub(super) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("sms-testkit-").tempdir();
        Self(folder.expect("the temporary folder can be written"))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.join(name);
        fs::write(&file, text).expect("the temporary folder can be written");
        file
    }

    /// The last line of a log.
    pub(super) fn last_line(&self, name: &str) -> String {
        let log = fs::read(self.join(name)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        log.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("nothing").trim().to_owned()
    }
}

/// A process that the server needs. It is killed when dropped.
pub(super) struct Helper(pub(super) Child);

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    pub(super) fn new(
        name: &'static str,
        (folder, port): (Folder, Port),
        command: Command,
        serves: fn(&mut TcpStream) -> io::Result<bool>,
    ) -> Self {
        let (stop, kill) = (Signal::TERM, Signal::KILL);
        Self { name, port, command, serves, stop, kill, helper: None, running: None, folder }
    }

    /// Starts the server, and waits until it answers.
    pub(super) fn start(&mut self) {
        assert!(self.has_ended(), "{} is running already", self.name);
        let log =
            File::create(self.folder.join("log")).expect("the temporary folder can be written");
        let twin = log.try_clone().expect("a descriptor");
        // Its own process group: Ctrl-C in a terminal ends the tests, and the guard ends the
        // server.
        let child =
            self.command.stdout(log).stderr(twin).stdin(Stdio::null()).process_group(0).spawn();
        let child = child.unwrap_or_else(|error| panic!("{} does not start: {error}", self.name));
        let helper = self.helper.as_ref().map(|helper| helper.0.id());
        let pids: Vec<u32> = std::iter::once(child.id()).chain(helper).collect();
        let guard = Guard::new(self.folder.path(), self.kill, &pids);
        self.running = Some(Running { child, paused: false, _guard: guard });
        let in_time = poll(LIMIT, || self.has_ended() || self.is_ready());
        if !in_time || self.has_ended() {
            self.kill();
            panic!("{} does not start: {}", self.name, self.folder.last_line("log"));
        }
    }

    pub(super) fn kill(&mut self) {
        self.end(self.kill, KILL_LIMIT);
    }

    pub(super) fn stop(&mut self) {
        assert!(self.end(self.stop, LIMIT), "{} did not stop and was killed", self.name);
    }

    pub(super) fn pause(&mut self) {
        let running =
            self.running.as_mut().unwrap_or_else(|| panic!("{} is not running", self.name));
        running.paused = true;
        let pid = running.child.id();
        // The parent first: after that there are no new children.
        signal(pid, Signal::STOP);
        assert!(poll(KILL_LIMIT, || is_still(pid)), "{} does not pause", self.name);
        let family = family(pid);
        signal_all(&family, Signal::STOP);
        assert!(
            poll(KILL_LIMIT, || family.iter().all(|pid| is_still(*pid))),
            "{} does not pause",
            self.name
        );
    }

    pub(super) fn resume(&mut self) {
        if let Some(running) = self.running.as_mut().filter(|running| running.paused) {
            running.paused = false;
            // The children first: otherwise the parent could treat them as dead.
            let mut family = family(running.child.id());
            family.reverse();
            signal_all(&family, Signal::CONT);
        }
    }

    /// Sends the signal and waits for the end. Returns false if the server had to be killed.
    fn end(&mut self, how: Signal, limit: Duration) -> bool {
        let Some(mut running) = self.running.take() else { return true };
        if matches!(running.child.try_wait(), Ok(Some(_))) {
            // It has ended by itself, and its number may belong to another process now.
            return true;
        }
        let family = family(running.child.id());
        // A kill is sent to the children, too. In a clean stop the server stops its children
        // itself.
        signal_all(if how == self.kill { &family } else { &family[..1] }, how);
        if running.paused {
            // When they continue, they handle the signal first.
            signal_all(&family, Signal::CONT);
        }
        let ended = poll(limit, || matches!(running.child.try_wait(), Ok(Some(_))));
        if !ended {
            signal_all(&family, Signal::KILL);
            let _ = running.child.wait();
        }
        ended
    }

    fn has_ended(&mut self) -> bool {
        self.running.as_mut().is_none_or(|running| !matches!(running.child.try_wait(), Ok(None)))
    }

    fn is_ready(&self) -> bool {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port.number()));
        let answer =
            TcpStream::connect_timeout(&address, Duration::from_secs(1)).and_then(|mut stream| {
                stream.set_read_timeout(Some(Duration::from_secs(1)))?;
                (self.serves)(&mut stream)
            });
        answer.unwrap_or(false)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a program to its end, and panics with its last line if it fails.
pub(super) fn run(mut command: Command) -> String {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().unwrap_or_else(|error| panic!("{program} does not run: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} failed: {}", errors.trim().replace('\n', " · "));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Repeats a check until it succeeds. Returns false at the time limit.
#[allow(clippy::disallowed_methods, reason = "other processes do not use the paused clock")]
pub(super) fn poll(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let start = std::time::Instant::now();
    while start.elapsed() < limit {
        if done() {
            return true;
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    false
}
