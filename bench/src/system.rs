//! What is measured: the server as people run it, a stand-in for sms.ru beside it, and what both
//! have to say.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use sms_core::store::{ListRequest, Scope, Stats, StatsRange};
use sms_core::{Status, Store};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::backends::Place;
use crate::load::{KEY, Load, Loaded};
use crate::process::{Running, Usage, run_apart};
use crate::sink::Seen;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(10);
/// How long a process may take to start.
const START: Duration = Duration::from_secs(30);
/// How often the end of the work is looked for; so exact is its time.
const LOOK: Duration = Duration::from_millis(5);

/// Servers over one place, and the stand-in.
pub(crate) struct System {
    pub(crate) servers: Vec<Running>,
    /// Of the first server.
    pub(crate) address: String,
    pub(crate) sink: Sink,
    store: Arc<dyn Store>,
}

/// What a server does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) roles: &'static str,
    /// Calls to the provider in flight at most.
    pub(crate) concurrency: usize,
    /// How many processes; all but the first only work.
    pub(crate) processes: usize,
    /// How long the provider takes.
    pub(crate) delay: Duration,
}

impl Setup {
    /// One process with these roles and the usual settings.
    pub(crate) fn new(roles: &'static str) -> Self {
        Self { roles, concurrency: 8, processes: 1, delay: Duration::ZERO }
    }
}

impl System {
    pub(crate) async fn start(place: &Place, setup: Setup) -> anyhow::Result<Self> {
        // Opened first, so that the schema is there when several processes start.
        let store = place.open().await?;
        let sink = Sink::start().await?;
        sink.anew(setup.delay).await?;
        let port = free_port()?;
        let address = format!("127.0.0.1:{port}");
        let mut servers = Vec::new();
        for number in 0..setup.processes {
            let roles = if number == 0 { setup.roles } else { "worker" };
            servers.push(start_server(place, roles, &address, &sink.url(), setup.concurrency)?);
        }
        if setup.roles.contains("api") {
            wait_until_ready(&mut servers[0], &address).await?;
        }
        Ok(Self { servers, address, sink, store })
    }

    /// A load on the first server.
    pub(crate) fn load(&self, requests: u64) -> Load {
        Load::new(&self.address, requests)
    }

    /// What all servers have used together.
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

    /// Waits until the stand-in has seen so many messages and none waits or is being sent any more.
    pub(crate) async fn wait_until_sent(&self, messages: u64) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.sink.messages().await? < messages {
            ensure!(
                Instant::now() < deadline,
                "the provider was not called for all of {messages} messages"
            );
            sleep(LOOK).await;
        }
        let request = ListRequest {
            scope: Scope::All,
            statuses: vec![Status::Sending, Status::Queued],
            limit: 1,
            ..ListRequest::default()
        };
        while !self.store.list(&request).await?.messages.is_empty() {
            ensure!(Instant::now() < deadline, "not every outcome was recorded");
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// Checks that everything was called once and recorded once; what the stand-in has seen.
    pub(crate) async fn check(&self, messages: u64, stored: u64) -> anyhow::Result<Seen> {
        let seen = self.sink.seen().await?;
        ensure!(
            seen.messages == messages && seen.different == messages,
            "of {messages} messages the provider was called for {} ({} different)",
            seen.messages,
            seen.different
        );
        let counts = self.stats().await?.counts;
        let sent = counts[usize::from(Status::Sent.number())];
        ensure!(sent == stored, "of {stored} messages {sent} are recorded as sent: {counts:?}");
        Ok(seen)
    }

    pub(crate) async fn stats(&self) -> anyhow::Result<Stats> {
        let range = StatsRange { scope: Scope::All, from_time: None, to_time: None };
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
    place: &Place,
    roles: &str,
    address: &str,
    provider: &str,
    concurrency: usize,
) -> anyhow::Result<Running> {
    let (store, queue, concurrency) =
        (place.store_url()?, place.queue_url(), concurrency.to_string());
    let settings = [
        ("SMS_STORE", store.as_str()),
        ("SMS_QUEUE", &queue),
        ("SMS_PROVIDER", provider),
        ("SMS_LISTEN", address),
        ("SMS_ROLES", roles),
        ("SMS_CONCURRENCY", &concurrency),
        ("SMS_ADMIN_KEY", KEY),
        ("SMS_LOG", "warn"),
    ];
    Running::start(&server_program()?, &[], &settings)
}

/// The server that was built beside this program.
pub(crate) fn server_program() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("sms-server");
    ensure!(program.exists(), "{} is missing: build it with `make build`", program.display());
    Ok(program)
}

/// Loads from a process of its own.
pub(crate) async fn load_apart(load: &Load) -> anyhow::Result<Loaded> {
    let mut arguments = vec!["load".to_owned()];
    for (name, value) in [
        ("address", load.address.clone()),
        ("path", load.path.clone()),
        ("requests", load.requests.to_string()),
        ("connections", load.connections.to_string()),
        ("batch", load.batch.to_string()),
        ("class", load.class.clone()),
        ("first", load.first.to_string()),
    ] {
        arguments.extend([format!("--{name}"), value]);
    }
    if let Some(rate) = load.rate {
        arguments.extend(["--rate".to_owned(), rate.to_string()]);
    }
    if load.get {
        arguments.push("--get".to_owned());
    }
    run_apart(&arguments, PATIENCE).await
}

/// A port that is free now.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

pub(crate) async fn wait_for_port(port: u16) -> anyhow::Result<()> {
    let deadline = Instant::now() + START;
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        ensure!(Instant::now() < deadline, "a process does not start");
        sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

async fn wait_until_ready(server: &mut Running, address: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + START;
    while request(address, "GET", "/readyz").await.is_err() {
        ensure!(server.runs() && Instant::now() < deadline, "the server does not start");
        sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// The stand-in for sms.ru, in a process of its own.
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

    /// Its address, as a provider.
    pub(crate) fn url(&self) -> String {
        format!("smsru+http://BENCH@127.0.0.1:{}", self.1)
    }

    /// How many messages it has seen.
    pub(crate) async fn messages(&self) -> anyhow::Result<u64> {
        Ok(serde_json::from_slice(&request(&self.address(), "GET", "/bench/messages").await?)?)
    }

    /// What it has seen.
    pub(crate) async fn seen(&self) -> anyhow::Result<Seen> {
        Ok(serde_json::from_slice(&request(&self.address(), "GET", "/bench/seen").await?)?)
    }

    /// Lets it forget what it has seen, and answer after this time.
    pub(crate) async fn anew(&self, delay: Duration) -> anyhow::Result<()> {
        let path = format!("/bench/anew/{}", delay.as_millis());
        request(&self.address(), "POST", &path).await.map(drop)
    }

    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        self.0.usage()
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.1)
    }
}

/// One request on a connection of its own; the body of the answer.
pub(crate) async fn request(address: &str, method: &str, path: &str) -> anyhow::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {KEY}\r\ncontent-length: 0\r\n\
         connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    ensure!(
        answer.starts_with(b"HTTP/1.1 2"),
        "{path} answered {}",
        String::from_utf8_lossy(&answer)
    );
    let head = answer
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .context("an answer without a head")?;
    Ok(answer.split_off(head + 4))
}
