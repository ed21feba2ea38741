//! Queues and servers for each test.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::{Client, Cmd, FromRedisValue, RedisResult};
use sms_core::{Job, Lane, Lease, MessageId, Queue as _};
use sms_queue_redis::{RedisConfig, RedisQueue};
use tempfile::TempDir;
use tokio::time::Instant;

/// Time that a test waits for something that has to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Address of the Redis that is shared with other tests.
pub(crate) fn shared_url() -> String {
    std::env::var("SMS_TEST_REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned())
}

/// A prefix for one test. Its keys are deleted when this is dropped.
pub(crate) struct Prefix {
    pub(crate) name: String,
    url: String,
}

impl Prefix {
    /// A prefix in the shared Redis. Fails the test if there is none.
    pub(crate) fn shared() -> Self {
        let url = shared_url();
        let reached = Client::open(url.as_str()).and_then(|client| client.get_connection());
        assert!(
            reached.is_ok(),
            "no Redis answers at SMS_TEST_REDIS_URL, {url}: these tests need one"
        );
        Self { name: format!("sms-test-{:016x}", fastrand::u64(..)), url }
    }

    pub(crate) fn config(&self) -> RedisConfig {
        patient(RedisConfig::from_url(&self.url).expect("an address")).prefix(&self.name)
    }

    pub(crate) fn key(&self, rest: &str) -> String {
        format!("{{{}}}:{rest}", self.name)
    }

    pub(crate) fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        ask(&self.url, command)
    }
}

impl Drop for Prefix {
    fn drop(&mut self) {
        let keys: Vec<String> = self.ask(&["KEYS", &format!("{{{}}}:*", self.name)]);
        for key in keys {
            let _: i64 = self.ask(&["DEL", &key]);
        }
    }
}

/// The same with long timeouts, for a machine that is busy with many tests.
pub(crate) fn patient(config: RedisConfig) -> RedisConfig {
    config.timeout(PATIENCE).connect_timeout(PATIENCE)
}

/// Answer of Redis to this command.
pub(crate) fn ask<T: FromRedisValue>(url: &str, command: &[&str]) -> T {
    try_ask(url, command).unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Answer of a server that may be changing its role.
pub(crate) fn try_ask<T: FromRedisValue>(url: &str, command: &[&str]) -> RedisResult<T> {
    let mut built = Cmd::new();
    for part in command {
        built.arg(*part);
    }
    built.query(&mut Client::open(url)?.get_connection()?)
}

pub(crate) fn queue(config: RedisConfig) -> RedisQueue {
    RedisQueue::connect(config).expect("a queue")
}

pub(crate) fn jobs(lane: Lane, number: usize) -> Vec<Job> {
    (0..number).map(|_| Job::new(MessageId::new(), lane)).collect()
}

pub(crate) fn jobs_of(leases: &[Lease]) -> Vec<Job> {
    leases.iter().map(|lease| lease.job).collect()
}

/// Pulls this many jobs, and repeats a pull that fails.
pub(crate) async fn pull_all(queue: &RedisQueue, number: usize) -> Vec<Lease> {
    let end = Instant::now() + PATIENCE;
    let mut leases = Vec::new();
    while leases.len() < number {
        assert!(Instant::now() < end, "only {} of {number} jobs came", leases.len());
        match queue.pull(number - leases.len(), Duration::from_millis(100)).await {
            Ok(more) => leases.extend(more),
            Err(error) if error.is_retryable() => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(error) => panic!("pull: {error:?}"),
        }
    }
    leases
}

/// Pushes these jobs, and repeats a push that fails.
pub(crate) async fn push(queue: &RedisQueue, jobs: &[Job]) {
    let end = Instant::now() + PATIENCE;
    while let Err(error) = queue.push(jobs).await {
        assert!(error.is_retryable() && Instant::now() < end, "push: {error:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Polls until this is true.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A `redis-server` for one test, without persistence, in a temporary folder. It is killed when
/// this is dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    folder: TempDir,
    arguments: Vec<String>,
    process: Child,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_with(&["--save", "", "--appendonly", "no"])
    }

    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self::start_in(folder, free_port(), arguments)
    }

    /// Starts a server; `PORT` in an argument is replaced by the port.
    pub(crate) fn start_in(folder: TempDir, port: u16, arguments: &[&str]) -> Self {
        let arguments: Vec<String> =
            arguments.iter().map(|argument| argument.replace("PORT", &port.to_string())).collect();
        let process = spawn(folder.path(), port, &arguments);
        Self { port, folder, arguments, process }
    }

    #[cfg(feature = "tls")]
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn config(&self) -> RedisConfig {
        patient(RedisConfig::new("127.0.0.1", self.port))
    }

    pub(crate) fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        ask(&self.url(), command)
    }

    /// Kills the server, as a loss of power does.
    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    pub(crate) fn start_again(&mut self) {
        self.process = spawn(self.folder.path(), self.port, &self.arguments);
    }

    /// Sends a signal. A stopped server behaves like a network that swallows everything.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(sent.expect("kill").success(), "kill {signal}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn free_port() -> u16 {
    // Below 55,000, because the bus port of a cluster is this one + 10,000.
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        if port < 55_000 {
            return port;
        }
    }
}

fn spawn(folder: &Path, port: u16, arguments: &[String]) -> Child {
    let mut process = Command::new("redis-server")
        .args(arguments.first().filter(|argument| !argument.starts_with("--")))
        .args(["--bind", "127.0.0.1"])
        .args(if arguments.iter().any(|argument| argument == "--port") {
            vec![]
        } else {
            vec!["--port".to_owned(), port.to_string()]
        })
        .args(arguments.iter().skip_while(|argument| !argument.starts_with("--")))
        .arg("--dir")
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("these tests need the program redis-server");
    for _ in 0..1000 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return process;
        }
        assert!(matches!(process.try_wait(), Ok(None)), "redis-server ended at once");
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("redis-server did not come up");
}
