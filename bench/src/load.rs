//! The client, a separate process: messages over the REST API, on connections that are kept alive.
//!
//! It writes each request in one piece and reads no more of a response than necessary, because it
//! shares the machine with the measured server.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::clock::micros;
use crate::percentiles::Percentiles;
use crate::process::Usage;
use crate::text;

/// Arguments of the client.
#[derive(Args, Clone, Debug)]
pub(crate) struct Load {
    /// Host and port of the server.
    #[arg(long)]
    pub(crate) address: String,
    /// Path of the requests.
    #[arg(long, default_value = "/v1/messages")]
    pub(crate) path: String,
    /// Number of requests.
    #[arg(long)]
    pub(crate) requests: u64,
    /// Number of connections.
    #[arg(long, default_value_t = 32)]
    pub(crate) connections: u64,
    /// Requests per second, evenly spaced. Without it, each connection sends the next request as
    /// soon as it has the response.
    #[arg(long)]
    pub(crate) rate: Option<u64>,
    /// Messages per request. More than one need the path for batches.
    #[arg(long, default_value_t = 1)]
    pub(crate) batch: u64,
    /// Class of the messages.
    #[arg(long, default_value = "service")]
    pub(crate) class: String,
    /// Number of the first message.
    #[arg(long, default_value_t = 0)]
    pub(crate) first: u64,
    /// Sends GET requests, which have no body.
    #[arg(long)]
    pub(crate) get: bool,
    /// API key.
    #[arg(long, default_value = KEY)]
    pub(crate) key: String,
}

/// Result of the client.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LoadResult {
    /// Time of the first request, in microseconds since 1970.
    pub(crate) started: u64,
    /// Time from the first request to the last response.
    pub(crate) seconds: f64,
    /// Times from a request to its response.
    pub(crate) latency: Percentiles,
    /// CPU time of this process.
    pub(crate) cpu_seconds: f64,
}

/// Key of the measured server for secrets in PostgreSQL.
pub(crate) const SECRET_KEY: &str = "a-secret-key-of-thirty-two-letters-for-the-benchmark";
/// Admin key of the measured server.
pub(crate) const KEY: &str = "an-admin-key-for-the-benchmark";

impl Load {
    /// One request per message, each sent when the one before is answered.
    pub(crate) fn new(address: &str, requests: u64) -> Self {
        Self {
            address: address.to_owned(),
            path: "/v1/messages".to_owned(),
            requests,
            connections: 32,
            rate: None,
            batch: 1,
            class: "service".to_owned(),
            first: 0,
            get: false,
            key: KEY.to_owned(),
        }
    }

    /// Sends all requests.
    pub(crate) async fn run(self) -> anyhow::Result<LoadResult> {
        let step = usize::try_from(self.connections)?;
        let shares = (0..self.connections).map(|first| (first..self.requests).step_by(step));
        // Without a rate, requests are formatted before the start: formatting would take CPU time
        // from the server.
        let write =
            |number| if self.rate.is_none() { self.write(number, 0) } else { String::new() };
        let shares: Vec<Vec<_>> =
            shares.map(|numbers| numbers.map(|number| (number, write(number))).collect()).collect();
        let (started, start) = (micros(), Instant::now());
        let connections = shares.into_iter().map(|requests| self.run_connection(requests, start));
        let answered = futures_util::future::try_join_all(connections).await?;
        let seconds = start.elapsed().as_secs_f64();
        let latency = Percentiles::new(answered.concat());
        Ok(LoadResult {
            started,
            seconds,
            latency,
            cpu_seconds: Usage::of_this_process()?.cpu_seconds,
        })
    }

    /// Sends the requests of one connection. Returns the latency of each, in microseconds.
    async fn run_connection(
        &self,
        requests: Vec<(u64, String)>,
        start: Instant,
    ) -> anyhow::Result<Vec<u64>> {
        let mut stream =
            TcpStream::connect(&self.address).await.context("cannot reach the server")?;
        stream.set_nodelay(true)?;
        let (mut latencies, mut response) = (Vec::with_capacity(requests.len()), Vec::new());
        for (number, mut request) in requests {
            let mut asked = Instant::now();
            if let Some(rate) = self.rate {
                let planned = start + Duration::from_secs_f64(number as f64 / rate as f64);
                sleep_until(planned).await;
                // A request that is late because of the response before it counts from its planned
                // time. A timer that fires late does not count.
                asked = if planned < asked { planned } else { Instant::now() };
                request = self.write(number, micros() - asked.elapsed().as_micros() as u64);
            }
            stream.write_all(request.as_bytes()).await?;
            read_response(&mut stream, &mut response)
                .await
                .with_context(|| format!("request {number}"))?;
            latencies.push(asked.elapsed().as_micros() as u64);
        }
        Ok(latencies)
    }

    /// Formats a request. `asked` is the time at which its messages are requested, 0 if that is not
    /// measured.
    fn write(&self, number: u64, asked: u64) -> String {
        let mut body = String::new();
        if !self.get {
            let message = |number| text::message(self.first + number, asked, &self.class);
            body = if self.batch == 1 {
                message(number)
            } else {
                let messages: Vec<_> =
                    (number * self.batch..(number + 1) * self.batch).map(message).collect();
                format!(r#"{{"messages":[{}]}}"#, messages.join(","))
            };
        }
        let method = if self.get { "GET" } else { "POST" };
        format!(
            "{method} {} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.path,
            self.address,
            self.key,
            body.len()
        )
    }
}

/// Reads one response to its end. It must be a success.
async fn read_response(stream: &mut TcpStream, response: &mut Vec<u8>) -> anyhow::Result<()> {
    response.clear();
    let mut end = usize::MAX;
    while response.len() < end {
        ensure!(stream.read_buf(response).await? > 0, "the server closed the connection");
        if end == usize::MAX
            && let Some(head) = response.windows(4).position(|bytes| bytes == b"\r\n\r\n")
        {
            let text = std::str::from_utf8(&response[..head])?;
            let length = text.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>().ok())?
            });
            end = head + 4 + length.context("a response without a length")?;
        }
    }
    let is_success = response.starts_with(b"HTTP/1.1 2");
    ensure!(is_success, "the response is not a success: {}", String::from_utf8_lossy(response));
    Ok(())
}
