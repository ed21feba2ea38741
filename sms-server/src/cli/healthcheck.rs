//! `sms-server healthcheck`: for containers, which have no shell and no curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use reqwest::Client;
use tokio::time::{Instant, sleep};

use crate::config::{Config, Role};

/// The longest that one probe may take. `/readyz` answers within 3 s.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The pause before the next probe.
const PAUSE: Duration = Duration::from_millis(250);

/// Tells by the exit code whether the server of the same settings accepts messages
#[derive(Debug, Args)]
pub struct Healthcheck {
    /// Ask again until it does, for so many seconds: 30 or 30s
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    pub wait: u64,
}

fn seconds(text: &str) -> Result<u64, String> {
    let number = text.strip_suffix('s').unwrap_or(text);
    number.parse().map_err(|_| "must be a number of seconds, such as 30".to_owned())
}

pub(super) async fn run(config: &Config, command: &Healthcheck) -> anyhow::Result<()> {
    let address = match config.metrics_listen {
        _ if config.has(Role::Api) => config.listen,
        Some(address) => address,
        None => bail!(
            "metrics_listen: without it, a process without the role `api` answers no requests"
        ),
    };
    let url = format!("http://{}/readyz", reachable(address));
    let client = Client::builder().timeout(TIMEOUT).no_proxy().build()?;
    let until = Instant::now() + Duration::from_secs(command.wait);
    loop {
        match probe(&client, &url).await {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() + PAUSE > until => return Err(error),
            Err(_) => sleep(PAUSE).await,
        }
    }
}

async fn probe(client: &Client, url: &str) -> anyhow::Result<()> {
    let reply = client.get(url).send().await.map_err(reqwest::Error::without_url);
    let reply = reply.with_context(|| format!("{url}: no reply"))?;
    if !reply.status().is_success() {
        let status = reply.status();
        let body = reply.text().await.unwrap_or_default();
        bail!("{url}: {status}: {body}");
    }
    Ok(())
}

/// The address to connect to, for one that listens on all.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_listens_on_all_is_asked_on_loopback() {
        for (listen, asked) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("10.0.0.7:8080", "10.0.0.7:8080"),
        ] {
            let listen: SocketAddr = listen.parse().expect("an address");
            assert_eq!(reachable(listen).to_string(), asked);
        }
    }

    #[test]
    fn a_wait_is_read_with_or_without_its_unit() {
        assert_eq!((seconds("30"), seconds("30s")), (Ok(30), Ok(30)));
        seconds("half a minute").expect_err("no number");
    }
}
