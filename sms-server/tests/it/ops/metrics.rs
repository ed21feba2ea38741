//! `/metrics` of the real program, and what docs/METRICS.md says about it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use sms_smsru::simulator::{Fault, Simulator, SimulatorConfig};
use tokio::time::{Instant, sleep};

use crate::process::{ADMIN_KEY, Process, Server, command};

const PATIENCE: Duration = Duration::from_secs(20);
/// A number that the simulator refuses, with this code.
const REFUSED: (&str, i32) = ("+79250000207", 207);

/// A text in the format of Prometheus.
struct Exported(String);

impl Exported {
    /// The metrics by their names, with their types.
    fn types(&self) -> BTreeMap<&str, &str> {
        let types = self.0.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        types.map(|line| line.split_once(' ').expect("a name and a type")).collect()
    }

    /// The value of the sample with this name and these labels.
    fn value(&self, sample: &str) -> Option<f64> {
        let of = |line: &str| line.strip_prefix(sample)?.strip_prefix(' ')?.parse().ok();
        self.0.lines().find_map(of)
    }
}

/// The metrics of docs/METRICS.md, with their types.
fn documented() -> BTreeMap<&'static str, &'static str> {
    let rows = include_str!("../../../../docs/METRICS.md").lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        Some((cells.next()?.trim_end_matches('`'), cells.next()?))
    });
    rows.collect()
}

async fn scrape(url: String) -> (u16, Exported) {
    let reply = reqwest::Client::new().get(url).bearer_auth(ADMIN_KEY).send().await;
    let reply = reply.expect("a reply");
    (reply.status().as_u16(), Exported(reply.text().await.expect("text")))
}

#[tokio::test]
async fn a_provider_that_never_answers_keeps_no_figure_back() {
    let smsru = Simulator::start(SimulatorConfig::default()).await.expect("a simulator");
    smsru.inject(Fault::SilentBeforeAccept.on("*").forever());
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[("SMS_PROVIDER", &smsru.url())]);
    let state = "sms_provider_state{provider=\"smsru\",state=\"active\"}";
    let deadline = Instant::now() + PATIENCE;
    let exported = loop {
        let asked = Instant::now();
        let (status, exported) = scrape(server.url("/metrics")).await;
        assert_eq!(status, 200, "{}", exported.0);
        assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
        // The worker reports soon after its start.
        if exported.value(state) == Some(1.0) && exported.value("sms_workers") == Some(1.0) {
            break exported;
        }
        assert!(Instant::now() < deadline, "{}", exported.0);
        sleep(Duration::from_millis(100)).await;
    };
    assert!(!exported.types().contains_key("sms_provider_balance"), "{}", exported.0);
}

#[tokio::test]
async fn metrics_are_those_of_the_document_and_tell_what_happened() {
    let smsru = Simulator::start(SimulatorConfig::default()).await.expect("a simulator");
    smsru.refuse(REFUSED.0, REFUSED.1);
    let folder = tempfile::tempdir().expect("a folder");
    let provider = format!("{}?poll_first_seconds=1", smsru.url());
    let server = Server::start(folder.path(), &[("SMS_PROVIDER", &provider)]);
    let mut ids = Vec::new();
    for to in ["+79251234567", "+79251234568", REFUSED.0] {
        let body = json!({"to": to, "text": "Код 1234", "class": "otp"});
        let (status, accepted) = server.post(to, &body).await.expect("a reply");
        assert_eq!(status, 202, "{accepted}");
        ids.push(accepted["id"].as_str().expect("an id").to_owned());
    }
    for (id, end) in ids.iter().zip(["delivered", "delivered", "failed"]) {
        server.wait_for(id, end, PATIENCE).await;
    }
    // The log is counted every two seconds, and the cost becomes known after the end.
    let deadline = Instant::now() + PATIENCE;
    let exported = loop {
        let (status, exported) = scrape(server.url("/metrics")).await;
        assert_eq!(status, 200, "{}", exported.0);
        let counted = exported.value("sms_messages_total{status=\"delivered\"}") == Some(2.0);
        if counted && exported.value("sms_cost_millionths_total") > Some(0.0) {
            break exported;
        }
        assert!(Instant::now() < deadline, "{}", exported.0);
        sleep(Duration::from_millis(100)).await;
    };
    let (documented, types) = (documented(), exported.types());
    for (name, kind) in &types {
        assert_eq!(documented.get(name), Some(kind), "docs/METRICS.md: `{name}`");
    }
    for name in documented.keys().filter(|name| **name != "sms_store_connections") {
        assert!(types.contains_key(name), "`{name}` is not exported:\n{}", exported.0);
        assert!(exported.0.contains(&format!("# HELP {name} ")), "`{name}` has no meaning");
    }
    let refused = REFUSED.1;
    for (sample, value) in [
        ("sms_accepted_total{class=\"otp\"}".to_owned(), 3.0),
        ("sms_accepted_total{class=\"marketing\"}".to_owned(), 0.0),
        ("sms_messages_total{status=\"sent\"}".to_owned(), 2.0),
        ("sms_messages_total{status=\"failed\"}".to_owned(), 1.0),
        (format!("sms_failures_total{{status=\"failed\",code=\"{refused}\"}}"), 1.0),
        ("sms_answer_seconds_count".to_owned(), 2.0),
        ("sms_messages{status=\"delivered\"}".to_owned(), 2.0),
        ("sms_provider_state{provider=\"smsru\",state=\"active\"}".to_owned(), 1.0),
        ("sms_provider_state{provider=\"smsru\",state=\"paused\"}".to_owned(), 0.0),
        ("sms_store_up".to_owned(), 1.0),
        ("sms_queue_degraded".to_owned(), 0.0),
        ("sms_workers".to_owned(), 1.0),
    ] {
        assert_eq!(exported.value(&sample), Some(value), "{sample}\n{}", exported.0);
    }
    // Values may have these digits by chance.
    let names = exported.0.lines().map(|line| line.rsplit_once(' ').map_or(line, |it| it.0));
    let names = names.collect::<Vec<_>>().join("\n");
    assert!(!names.contains("925"), "a number:\n{names}");
    assert!(!names.contains("1234"), "a text:\n{names}");
    let asked = reqwest::get(server.url("/metrics")).await.expect("a reply");
    assert_eq!(asked.status(), 401, "next to the API they need a key");
}

#[cfg(feature = "pg")]
#[tokio::test]
async fn a_process_that_only_works_serves_metrics_and_probes_at_an_address_of_their_own() {
    let postgres = sms_testkit::instances::Postgres::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
    let address = free.expect("a port").to_string();
    let settings = [
        ("SMS_STORE", postgres.url()),
        ("SMS_SECRET_KEY", crate::process::SECRET_KEY),
        ("SMS_METRICS_LISTEN", &address),
    ];
    let worker = Process::worker(folder.path(), &settings).unwrap_or_else(|log| panic!("{log}"));
    let healthy = {
        let mut command = command(folder.path(), &["healthcheck", "--wait", "20"]);
        command.env("SMS_ROLES", "worker").env("SMS_METRICS_LISTEN", &address);
        let run = tokio::task::spawn_blocking(move || command.output());
        run.await.expect("no panic").expect("it runs")
    };
    assert!(healthy.status.success(), "{}", String::from_utf8_lossy(&healthy.stderr));
    let reply = reqwest::get(format!("http://{address}/metrics")).await.expect("a reply");
    assert_eq!(reply.status(), 200);
    let exported = Exported(reply.text().await.expect("text"));
    assert!(exported.value("sms_store_connections{state=\"idle\"}").is_some(), "{}", exported.0);
    assert!(exported.value("sms_store_connections{state=\"used\"}").is_some(), "{}", exported.0);
    for path in ["/v1/messages", "/", "/docs"] {
        let reply = reqwest::get(format!("http://{address}{path}")).await.expect("a reply");
        assert_eq!(reply.status(), 404, "{path}");
    }
    worker.kill();
}
