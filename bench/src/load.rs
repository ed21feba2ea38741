//! The client, a process of its own: messages over the REST API, on connections that are kept
//! alive.
//!
//! It writes each request in one piece and reads no more of an answer than it must, so that it
//! takes as little as possible of the machine that it shares with what is measured.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::clock::micros;
use crate::percentiles::Spread;
use crate::process::Usage;
use crate::text;

/// What is sent, and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct Load {
    /// Where the server is: host and port.
    #[arg(long)]
    pub(crate) address: String,
    /// What is asked for.
    #[arg(long, default_value = "/v1/messages")]
    pub(crate) path: String,
    /// How many requests.
    #[arg(long)]
    pub(crate) requests: u64,
    /// On how many connections.
    #[arg(long, default_value_t = 32)]
    pub(crate) connections: u64,
    /// How many a second, evenly; without it, each connection asks again as soon as it is answered.
    #[arg(long)]
    pub(crate) rate: Option<u64>,
    /// How many messages a request has; more than one go to the door for batches.
    #[arg(long, default_value_t = 1)]
    pub(crate) batch: u64,
    /// The class of the messages.
    #[arg(long, default_value = "service")]
    pub(crate) class: String,
    /// The number of the first message.
    #[arg(long, default_value_t = 0)]
    pub(crate) first: u64,
    /// Asks with GET, which has no body.
    #[arg(long)]
    pub(crate) get: bool,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Loaded {
    /// When the first request was sent, in microseconds since 1970.
    pub(crate) started: u64,
    /// From the first request to the last answer.
    pub(crate) seconds: f64,
    /// From a request to its answer.
    pub(crate) latency: Spread,
    /// What this process used itself.
    pub(crate) cpu_seconds: f64,
}

/// The key of the measured server.
pub(crate) const KEY: &str = "an-admin-key-for-the-benchmark";

impl Load {
    /// A request for each message, as quickly as they are answered.
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
        }
    }

    /// Asks for everything.
    pub(crate) async fn run(self) -> anyhow::Result<Loaded> {
        let step = usize::try_from(self.connections)?;
        let shares = (0..self.connections).map(|first| (first..self.requests).step_by(step));
        // Where requests go as quickly as they can, they are written before: their writing takes
        // from the server's cores.
        let write =
            |number| if self.rate.is_none() { self.write(number, 0) } else { String::new() };
        let shares: Vec<Vec<_>> =
            shares.map(|numbers| numbers.map(|number| (number, write(number))).collect()).collect();
        let (started, start) = (micros(), Instant::now());
        let connections = shares.into_iter().map(|requests| self.converse(requests, start));
        let answered = futures_util::future::try_join_all(connections).await?;
        let seconds = start.elapsed().as_secs_f64();
        let latency = Spread::new(answered.concat());
        Ok(Loaded { started, seconds, latency, cpu_seconds: Usage::of_this_process()?.cpu_seconds })
    }

    /// One connection's share of the requests: how long each took, in microseconds.
    async fn converse(
        &self,
        requests: Vec<(u64, String)>,
        start: Instant,
    ) -> anyhow::Result<Vec<u64>> {
        let mut stream =
            TcpStream::connect(&self.address).await.context("cannot reach the server")?;
        stream.set_nodelay(true)?;
        let (mut latencies, mut answer) = (Vec::with_capacity(requests.len()), Vec::new());
        for (number, mut request) in requests {
            let mut asked = Instant::now();
            if let Some(rate) = self.rate {
                let planned = start + Duration::from_secs_f64(number as f64 / rate as f64);
                sleep_until(planned).await;
                // One that had to wait for the answer before it has waited since its time; a late
                // timer is no wait.
                asked = if planned < asked { planned } else { Instant::now() };
                request = self.write(number, micros() - asked.elapsed().as_micros() as u64);
            }
            stream.write_all(request.as_bytes()).await?;
            read_answer(&mut stream, &mut answer)
                .await
                .with_context(|| format!("request {number}"))?;
            latencies.push(asked.elapsed().as_micros() as u64);
        }
        Ok(latencies)
    }

    /// The request of this number; `asked` is when its messages were asked for, 0 where that does
    /// not count.
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
            "{method} {} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.path,
            self.address,
            body.len()
        )
    }
}

/// Reads one answer, which must be a success, to its end.
async fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) -> anyhow::Result<()> {
    answer.clear();
    let mut end = usize::MAX;
    while answer.len() < end {
        ensure!(stream.read_buf(answer).await? > 0, "the server hung up");
        if end == usize::MAX
            && let Some(head) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")
        {
            let text = std::str::from_utf8(&answer[..head])?;
            let length = text.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>().ok())?
            });
            end = head + 4 + length.context("an answer without a length")?;
        }
    }
    let is_success = answer.starts_with(b"HTTP/1.1 2");
    ensure!(is_success, "answered: {}", String::from_utf8_lossy(answer));
    Ok(())
}
