//! The real program, as a child process.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

/// How long the program may take to start.
const START: Duration = Duration::from_secs(20);
/// The key the tests use.
pub(crate) const ADMIN_KEY: &str = "an-admin-key-for-tests";
/// The key for secrets in PostgreSQL. SQLite has one in a file.
pub(crate) const SECRET_KEY: &str = "a-secret-key-for-tests-32-letters";

/// A command of the program in an empty environment, with its data in this folder.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sms-server"));
    command.args(arguments).current_dir(folder).env_clear();
    command
}

/// A shell that runs this script, with the program as `$0`.
fn shell(folder: &Path, script: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_sms-server")]).current_dir(folder).env_clear();
    shell
}

/// A running process of the program. Killed when dropped.
pub(crate) struct Process {
    child: Child,
    /// Everything it has written to standard error.
    pub(crate) log: Arc<Mutex<String>>,
    stdout: Option<std::process::ChildStdout>,
}

impl Process {
    /// Starts `serve` with these settings and waits for what `ready` looks for in its log.
    /// The error is the log of a process that ended.
    fn start<T>(
        folder: &Path,
        settings: &[(&str, &str)],
        ready: impl Fn(&str) -> Option<T>,
    ) -> Result<(Self, T), String> {
        Self::run(command(folder, &[]), settings, ready)
    }

    fn run<T>(
        mut command: Command,
        settings: &[(&str, &str)],
        ready: impl Fn(&str) -> Option<T>,
    ) -> Result<(Self, T), String> {
        command
            .env("SMS_LISTEN", "127.0.0.1:0")
            .env("SMS_ADMIN_KEY", ADMIN_KEY)
            .envs(settings.iter().copied());
        // A setting without a value is one that is left out.
        for (name, _) in settings.iter().filter(|(_, value)| value.is_empty()) {
            command.env_remove(name);
        }
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdout = child.stdout.take();
        let log = collect_output(child.stderr.take().expect("standard error"));
        let deadline = Instant::now() + START;
        loop {
            let found = ready(&log.lock().expect("the log"));
            if let Some(found) = found {
                return Ok((Self { child, log, stdout }, found));
            }
            if let Some(status) = child.try_wait().expect("a status") {
                return Err(format!(
                    "the program ended with {status}: {}",
                    log.lock().expect("the log")
                ));
            }
            assert!(
                Instant::now() < deadline,
                "it does not start: {}",
                log.lock().expect("the log")
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Starts a process that only works.
    pub(crate) fn worker(folder: &Path, settings: &[(&str, &str)]) -> Result<Self, String> {
        let settings = [settings, &[("SMS_ROLES", "worker")]].concat();
        Self::start(folder, &settings, |log| log.contains("working").then_some(()))
            .map(|(worker, ())| worker)
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// SIGTERM; answers with everything the program printed and how it ended.
    pub(crate) fn terminate(mut self) -> (String, std::process::ExitStatus) {
        self.signal("TERM");
        let status = self.child.wait().expect("gone");
        let mut printed = String::new();
        self.stdout.take().expect("standard output").read_to_string(&mut printed).expect("text");
        (printed, status)
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent =
            Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status();
        assert!(sent.expect("a shell").success());
    }
}

/// A running server with its API. Killed when dropped.
pub(crate) struct Server {
    process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) log: Arc<Mutex<String>>,
    client: reqwest::Client,
}

impl Server {
    /// Starts `serve` with these settings, on a free port unless they say where.
    pub(crate) fn start(folder: &Path, settings: &[(&str, &str)]) -> Self {
        Self::of(Process::start(folder, settings, address_in))
    }

    /// The same from a shell, which runs this script with the program as `$0`.
    pub(crate) fn start_under(folder: &Path, script: &str, settings: &[(&str, &str)]) -> Self {
        Self::of(Process::run(shell(folder, script), settings, address_in))
    }

    fn of(started: Result<(Process, SocketAddr), String>) -> Self {
        let (process, address) = started.unwrap_or_else(|log| panic!("{log}"));
        Self { log: Arc::clone(&process.log), process, address, client: client() }
    }

    /// Starts `serve` with its output going to where it is not seen, and waits until it listens.
    pub(crate) async fn start_unheard(
        folder: &Path,
        settings: &[(&str, &str)],
        stderr: impl Into<Stdio>,
        stdout: impl Into<Stdio>,
    ) -> Self {
        let mut command = command(folder, &[]);
        command.stdout(stdout).stderr(stderr);
        Self::run_unheard(command, settings).await
    }

    /// The same from a shell, which runs this script with the program as `$0`.
    pub(crate) async fn start_unheard_under(
        folder: &Path,
        script: &str,
        settings: &[(&str, &str)],
    ) -> Self {
        let mut shell = shell(folder, script);
        shell.stdout(Stdio::null()).stderr(Stdio::null());
        Self::run_unheard(shell, settings).await
    }

    async fn run_unheard(mut command: Command, settings: &[(&str, &str)]) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("its address");
        drop(free);
        command.env("SMS_LISTEN", address.to_string()).env("SMS_ADMIN_KEY", ADMIN_KEY);
        command.envs(settings.iter().copied());
        let child = command.spawn().expect("the program starts");
        let (log, stdout) = (Arc::default(), None);
        let mut process = Process { child, log: Arc::clone(&log), stdout };
        let deadline = Instant::now() + START;
        while tokio::net::TcpStream::connect(address).await.is_err() {
            let ended = process.child.try_wait().expect("a status");
            assert!(ended.is_none(), "the program ended with {ended:?}");
            assert!(Instant::now() < deadline, "it does not listen");
            sleep(Duration::from_millis(5)).await;
        }
        Self { log, process, address, client: client() }
    }

    /// SIGTERM; how it ended, if it did in time.
    pub(crate) async fn terminate_within(
        mut self,
        patience: Duration,
    ) -> Option<std::process::ExitStatus> {
        self.signal("TERM");
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = self.process.child.try_wait().expect("a status") {
                return Some(status);
            }
            sleep(Duration::from_millis(20)).await;
        }
        None
    }

    /// SIGKILL.
    pub(crate) fn kill(self) {
        self.process.kill();
    }

    /// SIGTERM; answers with everything the program printed and how it ended.
    pub(crate) fn terminate(self) -> (String, std::process::ExitStatus) {
        self.process.terminate()
    }

    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.process.child.id()
    }

    /// Sends the signal; how the program ends.
    pub(crate) fn end_by(mut self, signal: &str) -> std::process::ExitStatus {
        self.process.signal(signal);
        let deadline = Instant::now() + START;
        loop {
            if let Some(status) = self.process.child.try_wait().expect("a status") {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end by SIG{signal}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn post(&self, key: &str, body: &Value) -> reqwest::Result<(u16, Value)> {
        let request = self.client.post(self.url("/v1/messages")).bearer_auth(ADMIN_KEY);
        let response = request.header("idempotency-key", key).json(body).send().await?;
        let status = response.status().as_u16();
        Ok((status, response.json().await?))
    }

    /// Posts to any path, with the administrator's key.
    pub(crate) async fn post_to(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.client.post(self.url(path)).bearer_auth(ADMIN_KEY).json(body);
        let response = request.send().await.expect("a reply");
        (response.status().as_u16(), response.json().await.expect("JSON"))
    }

    /// Sends this many messages, several at a time; answers with their ids.
    pub(crate) async fn post_many(&self, number: usize, body: fn(usize) -> Value) -> Vec<String> {
        const AT_A_TIME: usize = 16;
        let mut posts = tokio::task::JoinSet::new();
        for first in 0..AT_A_TIME {
            let (client, url) = (self.client.clone(), self.url("/v1/messages"));
            posts.spawn(async move {
                let mut ids = Vec::new();
                for n in (first..number).step_by(AT_A_TIME) {
                    let request = client.post(&url).bearer_auth(ADMIN_KEY).json(&body(n));
                    let response = request.send().await.expect("a reply");
                    assert_eq!(response.status(), 202);
                    let accepted: Value = response.json().await.expect("JSON");
                    ids.push(accepted["id"].as_str().expect("an id").to_owned());
                }
                ids
            });
        }
        posts.join_all().await.concat()
    }

    /// How many messages are in these states.
    pub(crate) async fn count(&self, statuses: &str) -> usize {
        self.list(statuses).await.len()
    }

    /// Every message in these states.
    pub(crate) async fn list(&self, statuses: &str) -> Vec<Value> {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let mut page =
                self.get(&format!("/v1/messages?status={statuses}&limit=200{cursor}")).await;
            let Value::Array(data) = page["data"].take() else { panic!("no data: {page}") };
            found.extend(data);
            let Some(next) = page["next_cursor"].as_str() else { return found };
            cursor = format!("&cursor={next}");
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let response =
            self.client.get(self.url(path)).bearer_auth(ADMIN_KEY).send().await.expect("a reply");
        response.json().await.expect("JSON")
    }

    /// The log so far. A line is written some milliseconds after it was logged.
    pub(crate) async fn log_so_far(&self) -> String {
        sleep(Duration::from_millis(100)).await;
        self.log.lock().expect("the log").clone()
    }

    /// Waits until the job at this path has done this many items, or has ended; its state then.
    pub(crate) async fn wait_for_job(&self, path: &str, done: u64) -> Value {
        let deadline = Instant::now() + Duration::from_mins(2);
        loop {
            let job = self.get(path).await;
            let has = job["done"].as_u64().is_some_and(|count| count >= done);
            if has || job["state"] != "running" {
                return job;
            }
            assert!(Instant::now() < deadline, "not {done} in two minutes: {job}");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until the message is in this state.
    pub(crate) async fn wait_for(&self, id: &str, status: &str, patience: Duration) -> Value {
        let deadline = Instant::now() + patience;
        loop {
            let message = self.get(&format!("/v1/messages/{id}")).await;
            if message["status"] == status {
                return message;
            }
            assert!(Instant::now() < deadline, "not {status} in {patience:?}: {message:#}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().timeout(Duration::from_secs(10)).build().expect("a client")
}

/// Reads a stream to its end, in the background: a full pipe would stop the program.
fn collect_output(stream: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let gathered = Arc::clone(&text);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut text = text.lock().expect("the log");
            text.push_str(&line);
            text.push('\n');
        }
    });
    gathered
}

/// The address in the line that says where the server listens.
fn address_in(log: &str) -> Option<SocketAddr> {
    let line = log.lines().find(|line| line.contains("serving"))?;
    line.split("address=").nth(1)?.split_whitespace().next()?.parse().ok()
}
