//! The measured system: servers with their usual settings, and a stand-in for sms.ru.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use sms_core::store::{ListRequest, Stats, StatsRequest};
use sms_core::{Archive, Status, Store};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::backends::Backends;
use crate::load::{KEY, Load, LoadResult, SECRET_KEY};
use crate::process::{Running, Usage, run_separately};
use crate::sink::SinkStats;

/// Time limit of a load and of the processing of its messages.
const TIME_LIMIT: Duration = Duration::from_mins(10);
/// Time limit of the start of a process.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Time between two checks whether the work has ended: the precision of its duration.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Servers on the same store and queue, and the stand-in.
pub(crate) struct System {
    pub(crate) servers: Vec<Running>,
    /// Address of the first server.
    pub(crate) address: String,
    pub(crate) sink: Sink,
    store: Arc<dyn Store>,
}

/// Settings of the servers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) roles: &'static str,
    /// Concurrent calls to the provider at most.
    pub(crate) concurrency: usize,
    /// Number of processes; all but the first are only workers.
    pub(crate) processes: usize,
    /// Response time of the provider.
    pub(crate) delay: Duration,
}

impl Setup {
    /// One process with these roles and the default settings.
    pub(crate) fn new(roles: &'static str) -> Self {
        Self { roles, concurrency: 8, processes: 1, delay: Duration::ZERO }
    }
}

impl System {
    pub(crate) async fn start(backends: &Backends, setup: Setup) -> anyhow::Result<Self> {
        // Opened first, so that the schema exists when several processes start.
        let store = backends.open().await?;
        let sink = Sink::start().await?;
        sink.reset(setup.delay).await?;
        let port = free_port()?;
        let address = format!("127.0.0.1:{port}");
        let mut servers = Vec::new();
        for number in 0..setup.processes {
            let roles = if number == 0 { setup.roles } else { "worker" };
            servers.push(start_server(backends, roles, &address, &sink.url(), setup.concurrency)?);
        }
        if setup.roles.contains("api") {
            wait_until_ready(&mut servers[0], &address).await?;
        }
        Ok(Self { servers, address, sink, store })
    }

    /// A load for the first server.
    pub(crate) fn load(&self, requests: u64) -> Load {
        Load::new(&self.address, requests)
    }

    /// CPU time and memory of all servers together.
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        let mut sum = Usage::default();
        for server in &self.servers {
            let usage = server.usage()?;
            sum.cpu_seconds += usage.cpu_seconds;
            sum.resident_mib += usage.resident_mib;
            sum.peak_mib += usage.peak_mib;
        }
        Ok(sum)
    }

    /// Waits until the stand-in has this many messages, and no message is queued or being sent.
    pub(crate) async fn wait_until_sent(&self, messages: u64) -> anyhow::Result<()> {
        let deadline = Instant::now() + TIME_LIMIT;
        while self.sink.messages().await? < messages {
            ensure!(
                Instant::now() < deadline,
                "the provider was not called for all {messages} messages"
            );
            sleep(POLL_INTERVAL).await;
        }
        let request = ListRequest::new(1).statuses(vec![Status::Sending, Status::Queued]);
        while !self.store.list(&request).await?.messages.is_empty() {
            ensure!(Instant::now() < deadline, "not every outcome was recorded");
            sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// Checks that the provider was called once for each message and that each is recorded as sent.
    /// Returns the counts of the stand-in.
    pub(crate) async fn check(&self, messages: u64, stored: u64) -> anyhow::Result<SinkStats> {
        let sink = self.sink.stats().await?;
        ensure!(
            sink.messages == messages && sink.distinct == messages,
            "of {messages} messages the provider was called for {} ({} distinct)",
            sink.messages,
            sink.distinct
        );
        let counts = self.stats().await?.counts;
        let sent = counts[usize::from(Status::Sent.number())];
        ensure!(sent == stored, "of {stored} messages {sent} are recorded as sent: {counts:?}");
        Ok(sink)
    }

    pub(crate) async fn stats(&self) -> anyhow::Result<Stats> {
        let range = StatsRequest::new();
        Ok(self.store.stats(&range).await?)
    }

    /// Ends all processes.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        for server in self.servers {
            server.kill().await?;
        }
        self.sink.0.kill().await
    }
}

/// Starts one server.
pub(crate) fn start_server(
    backends: &Backends,
    roles: &str,
    address: &str,
    provider: &str,
    concurrency: usize,
) -> anyhow::Result<Running> {
    let (store, queue, concurrency) =
        (backends.store_url()?, backends.queue_url(), concurrency.to_string());
    let settings = [
        ("SMS_STORE", store.as_str()),
        ("SMS_QUEUE", &queue),
        ("SMS_PROVIDER", provider),
        ("SMS_LISTEN", address),
        ("SMS_ROLES", roles),
        ("SMS_CONCURRENCY", &concurrency),
        ("SMS_ADMIN_KEY", KEY),
        ("SMS_SECRET_KEY", SECRET_KEY),
        ("SMS_LOG", "warn"),
    ];
    Running::start(&server_program()?, &[], &settings)
}

/// Path of the server, which is built into the folder of this program.
pub(crate) fn server_program() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("sms-server");
    ensure!(program.exists(), "{} is missing: build it with `make build`", program.display());
    Ok(program)
}

/// Runs a load in a separate process.
pub(crate) async fn load_separately(load: &Load) -> anyhow::Result<LoadResult> {
    let mut arguments = vec!["load".to_owned()];
    for (name, value) in [
        ("address", load.address.clone()),
        ("path", load.path.clone()),
        ("requests", load.requests.to_string()),
        ("connections", load.connections.to_string()),
        ("batch", load.batch.to_string()),
        ("class", load.class.clone()),
        ("first", load.first.to_string()),
        ("key", load.key.clone()),
    ] {
        arguments.extend([format!("--{name}"), value]);
    }
    if let Some(rate) = load.rate {
        arguments.extend(["--rate".to_owned(), rate.to_string()]);
    }
    if load.get {
        arguments.push("--get".to_owned());
    }
    run_separately(&arguments, TIME_LIMIT).await
}

/// Finds a free port.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

pub(crate) async fn wait_for_port(port: u16) -> anyhow::Result<()> {
    let deadline = Instant::now() + START_LIMIT;
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        ensure!(Instant::now() < deadline, "a process did not start");
        sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

async fn wait_until_ready(server: &mut Running, address: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + START_LIMIT;
    while request(address, "GET", "/readyz").await.is_err() {
        ensure!(server.is_running() && Instant::now() < deadline, "the server did not start");
        sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// The stand-in for sms.ru, in a separate process.
pub(crate) struct Sink(Running, u16);

impl Sink {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let port = free_port()?;
        let program = std::env::current_exe()?;
        let running =
            Running::start(Path::new(&program), &["sink", "--port", &port.to_string()], &[])?;
        wait_for_port(port).await?;
        Ok(Self(running, port))
    }

    /// Address of the stand-in as a provider.
    pub(crate) fn url(&self) -> String {
        format!("smsru+http://BENCH@127.0.0.1:{}", self.1)
    }

    /// Number of messages since the last reset.
    pub(crate) async fn messages(&self) -> anyhow::Result<u64> {
        Ok(serde_json::from_slice(&request(&self.address(), "GET", "/bench/messages").await?)?)
    }

    /// Counts and latencies since the last reset.
    pub(crate) async fn stats(&self) -> anyhow::Result<SinkStats> {
        Ok(serde_json::from_slice(&request(&self.address(), "GET", "/bench/stats").await?)?)
    }

    /// Resets the counts, and sets the response time.
    pub(crate) async fn reset(&self, delay: Duration) -> anyhow::Result<()> {
        let path = format!("/bench/reset/{}", delay.as_millis());
        request(&self.address(), "POST", &path).await.map(drop)
    }

    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        self.0.usage()
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.1)
    }
}

/// Sends one request on a new connection. Returns the body of the response.
pub(crate) async fn request(address: &str, method: &str, path: &str) -> anyhow::Result<Vec<u8>> {
    request_with(address, method, path, "").await
}

/// The same with a JSON body.
pub(crate) async fn request_with(
    address: &str,
    method: &str,
    path: &str,
    body: &str,
) -> anyhow::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {KEY}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await?;
    ensure!(
        response.starts_with(b"HTTP/1.1 2"),
        "{path} answered {}",
        String::from_utf8_lossy(&response)
    );
    let head = response
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .context("a response without a head")?;
    Ok(response.split_off(head + 4))
}
