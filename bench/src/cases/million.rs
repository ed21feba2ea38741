//! With a million messages waiting, and with a million stored.

use std::time::Duration;

use sms_core::Class;
use tokio::time::{Instant, sleep};

use super::accept::accept_once;
use super::drain::drain_once;
use super::{Bench, RUNS};
use crate::backends::{Place, QueueKind, StoreKind};
use crate::percentiles::median;
use crate::report::Part;
use crate::system::{Setup, System, load_apart};

const MILLION: u64 = 1_000_000;
/// What a million is compared with.
const FEW: u64 = 10_000;
/// Runs of what takes about a second.
const SHORT_RUNS: usize = 7;
/// How long a part of a long drain is measured.
const WINDOW: Duration = Duration::from_secs(5);
/// Requests for each page.
const PAGES: u64 = 200;

/// What is asked for by people: a page of the list, a search, the numbers of the dashboard.
const ASKED: [(&str, &str); 5] = [
    ("list page", "/v1/messages?limit=50"),
    ("list page of one state", "/v1/messages?status=sent&limit=50"),
    ("list page of a rare state", "/v1/messages?status=failed&limit=50"),
    ("search by number", "/v1/messages?to=%2B79250000777&limit=50"),
    ("dashboard", "/v1/stats"),
];
/// Searches that no index serves: message after message is looked at, for a limited time.
const SEARCHES: [(&str, &str); 2] = [
    ("search by a part of a number", "/v1/messages?q=0000777&limit=50"),
    ("search by a text that is nowhere", "/v1/messages?q=nowhere&limit=50"),
];

impl Bench {
    pub(super) async fn million(&mut self) -> anyhow::Result<()> {
        let place = Place::new(&self.services, StoreKind::Pg, QueueKind::Memory).await?;
        let start = Instant::now();
        self.fill(&place.open().await?, 0, MILLION, Class::Service).await?;
        self.report.note(
            "store a million, PostgreSQL, from the library, /s",
            MILLION as f64 / start.elapsed().as_secs_f64(),
        );
        place.calm().await?;
        let rate = self.drain_million(&place).await?;
        place.calm().await?;
        let mut many = Stored::new(place, MILLION);
        let mut few = self.with_few().await?;
        // In turn, so that what else moves this machine moves both.
        for _ in 0..SHORT_RUNS {
            self.drain_beside(&mut few).await?;
            self.drain_beside(&mut many).await?;
        }
        self.ask_for_all(&few).await?;
        let pages = self.ask_for_all(&many).await?;
        self.search_all(&many).await?;
        for _ in 0..SHORT_RUNS {
            few.accept().await?;
            many.accept().await?;
        }
        let (few, many) = (few.close().await?, many.close().await?);
        let name = "drain with 1,000,000 waiting against 10,000";
        self.report.add(14, Part::of_rate(name, rate, few.drain, (0.8, 0.95)));
        let name = "accept with 1,000,000 stored against 10,000";
        self.report.add(15, Part::of_rate(name, many.accept, few.accept, (0.8, 0.89)));
        let name = "drain with 1,000,000 stored against 10,000";
        self.report.add(15, Part::of_rate(name, many.drain, few.drain, (0.8, 0.87)));
        for ((name, _), p99) in ASKED.iter().zip(pages) {
            let name = format!("{name} p99, 1,000,000 stored");
            self.report.add(15, Part::at_most(&name, p99, "ms", (50.0, 25.0)));
        }
        Ok(())
    }

    /// Drains a million: its rate near the beginning, and the memory of the process.
    async fn drain_million(&mut self, place: &Place) -> anyhow::Result<f64> {
        let system = System::start(place, Setup::new("api,worker")).await?;
        while system.sink.messages().await? == 0 {
            sleep(Duration::from_millis(5)).await;
        }
        let mut rates = Vec::new();
        for _ in 0..RUNS {
            let (start, before) = (Instant::now(), system.sink.messages().await?);
            sleep(WINDOW).await;
            let drained = system.sink.messages().await? - before;
            rates.push(drained as f64 / start.elapsed().as_secs_f64());
        }
        let resident = system.usage()?.resident_mib;
        self.report.add(
            13,
            Part::at_most("resident with 1,000,000 waiting", resident, "MiB", (64.0, 40.0)),
        );
        let (start, before) = (Instant::now(), system.sink.messages().await?);
        system.wait_until_sent(MILLION).await?;
        let rest = (MILLION - before) as f64 / start.elapsed().as_secs_f64();
        self.report.note("drain of the rest of a million, PostgreSQL, /s", rest);
        system.check(MILLION, MILLION).await?;
        self.report.note("resident after a million was sent, MiB", system.usage()?.resident_mib);
        system.stop().await?;
        Ok(median(rates))
    }

    /// A place with [`FEW`] messages, all of them sent.
    async fn with_few(&self) -> anyhow::Result<Stored> {
        let place = Place::new(&self.services, StoreKind::Pg, QueueKind::Memory).await?;
        self.fill(&place.open().await?, 0, FEW, Class::Service).await?;
        drain_once(&place, Setup::new("worker"), FEW, FEW).await?;
        place.calm().await?;
        Ok(Stored::new(place, FEW))
    }

    /// Stores some more, and drains them.
    async fn drain_beside(&self, beside: &mut Stored) -> anyhow::Result<()> {
        self.fill(&beside.place.open().await?, beside.count, FEW, Class::Service).await?;
        beside.count += FEW;
        let run = drain_once(&beside.place, Setup::new("worker"), FEW, beside.count).await?;
        beside.drains.push(run.rate);
        Ok(())
    }

    /// Asks for every page: p99 of each of [`ASKED`], in milliseconds.
    async fn ask_for_all(&mut self, beside: &Stored) -> anyhow::Result<[f64; ASKED.len()]> {
        let system = System::start(&beside.place, Setup::new("api")).await?;
        let mut pages = [0.0; ASKED.len()];
        for (page, p99) in ASKED.iter().zip(&mut pages) {
            *p99 = self.ask(&system, *page, PAGES, beside.count).await?;
        }
        system.stop().await?;
        Ok(pages)
    }

    /// Searches, and reports each of [`SEARCHES`].
    async fn search_all(&mut self, beside: &Stored) -> anyhow::Result<()> {
        let system = System::start(&beside.place, Setup::new("api")).await?;
        for search in SEARCHES {
            let p99 = self.ask(&system, search, PAGES, beside.count).await?;
            let name = format!("{} p99, 1,000,000 stored", search.0);
            self.report.add(22, Part::at_most(&name, p99, "ms", (50.0, 10.0)));
        }
        system.stop().await
    }

    /// Asks for a page again and again: the 99th percentile, in milliseconds.
    async fn ask(
        &mut self,
        system: &System,
        (name, path): (&str, &str),
        requests: u64,
        stored: u64,
    ) -> anyhow::Result<f64> {
        let mut load = system.load(requests);
        (load.get, load.connections) = (true, 1);
        path.clone_into(&mut load.path);
        let latency = load_apart(&load).await?.latency;
        self.report.note(&format!("{name} p50, {stored} stored, ms"), latency.p50_ms);
        self.report.note(&format!("{name} p99, {stored} stored, ms"), latency.p99_ms);
        Ok(latency.p99_ms)
    }
}

/// A place with messages that are sent, and the rates that were measured beside them.
struct Stored {
    place: Place,
    count: u64,
    accepts: Vec<f64>,
    drains: Vec<f64>,
}

/// The medians of these rates.
struct Rates {
    accept: f64,
    drain: f64,
}

impl Stored {
    fn new(place: Place, count: u64) -> Self {
        Self { place, count, accepts: Vec::new(), drains: Vec::new() }
    }

    /// Lets a server accept some more.
    async fn accept(&mut self) -> anyhow::Result<()> {
        let system = System::start(&self.place, Setup::new("api")).await?;
        self.accepts.push(accept_once(&system, FEW * 2, 1).await?.rate);
        system.stop().await
    }

    async fn close(self) -> anyhow::Result<Rates> {
        self.place.close().await?;
        Ok(Rates { accept: median(self.accepts), drain: median(self.drains) })
    }
}
