//! Lists, counts, searches and charts with a million messages stored.

use anyhow::Context as _;
use serde_json::Value;
use sms_core::clock::datetime_from_ms;
use sms_core::{Clock as _, SystemClock};
use time::Duration;
use time::format_description::well_known::Rfc3339;

use super::bench::Bench;
use crate::backends::{Backends, QueueKind, StoreKind};
use crate::load::KEY;
use crate::report::Part;
use crate::system::{Setup, System, load_separately, request_with};

const MILLION: u64 = 1_000_000;
/// Requests per page.
const REQUESTS: u64 = 200;

/// Pages that people open and questions that programs ask: the row of the table, the name, the
/// path.
const PAGES: [(u8, &str, &str); 12] = [
    (15, "list", "/v1/messages?limit=50"),
    (15, "list of one state", "/v1/messages?status=sent&limit=50"),
    (15, "list of a rare state", "/v1/messages?status=failed&limit=50"),
    (15, "list of a class that is nowhere", "/v1/messages?class=otp&limit=50"),
    (15, "search by number", "/v1/messages?to=%2B79250000777&limit=50"),
    (15, "dashboard", "/v1/stats"),
    (15, "count of all", "/v1/messages/count"),
    (15, "count of one state", "/v1/messages/count?status=sent"),
    (15, "count of a rare state", "/v1/messages/count?status=failed"),
    (22, "count of a part of the text", "/v1/messages/count?q=0000777"),
    // They scan messages for a limited time.
    (22, "search by a part of a number", "/v1/messages?q=0000777&limit=50"),
    (22, "search by a text that is nowhere", "/v1/messages?q=nowhere&limit=50"),
];

/// Measures the case.
pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    for (name, store) in [("PostgreSQL", StoreKind::Pg), ("SQLite", StoreKind::Sqlite)] {
        let backends = Backends::new(&bench.services, store, QueueKind::Memory).await?;
        let key = fill(bench, &backends).await?;
        backends.vacuum().await?;
        let system = System::start(&backends, Setup::new("api")).await?;
        let charts = charts()?;
        let charts = charts.iter().map(|(name, path)| (15, *name, path.as_str()));
        for (row, page, path) in PAGES.into_iter().chain(charts) {
            for (reader, key) in [("admin", KEY), ("client", key.as_str())] {
                let mut load = system.load(REQUESTS);
                (load.get, load.connections) = (true, 1);
                (load.path, load.key) = (path.to_owned(), key.to_owned());
                let p99 = load_separately(&load).await?.latency.p99_ms;
                let name = format!("{page} p99, {name}, {reader}");
                bench.report.add(row, Part::at_most(&name, p99, "ms", (50.0, 25.0)));
            }
        }
        system.stop().await?;
        backends.remove().await?;
    }
    Ok(())
}

/// Sends a million messages of one client. Returns a key of it.
async fn fill(bench: &Bench, backends: &Backends) -> anyhow::Result<String> {
    let system = System::start(backends, Setup::new("api,worker")).await?;
    let body = r#"{"name":"shop","scopes":["send","read"]}"#;
    let made = request_with(&system.address, "POST", "/v1/keys", body).await?;
    let made: Value = serde_json::from_slice(&made)?;
    let client = made["client"]["id"].as_str().context("a client")?.to_owned();
    let store = backends.open().await?;
    bench.fill_with(&store, 0, MILLION, |message| message.owner(&client)).await?;
    system.wait_until_sent(MILLION).await?;
    system.stop().await?;
    Ok(made["secret"].as_str().context("a key")?.to_owned())
}

/// The last hour by the minute, and 60 days by the hour.
fn charts() -> anyhow::Result<[(&'static str, String); 2]> {
    let now = datetime_from_ms(SystemClock.now_ms());
    let path = |step: u32, range: Duration| -> anyhow::Result<String> {
        let (from, to) = ((now - range).format(&Rfc3339)?, now.format(&Rfc3339)?);
        Ok(format!("/v1/stats/series?step_seconds={step}&from_time={from}&to_time={to}"))
    };
    Ok([
        ("chart of an hour by the minute", path(60, Duration::HOUR)?),
        ("chart of 60 days by the hour", path(3600, Duration::days(60))?),
    ])
}
