//! The stand-in for sms.ru: accepts everything and counts it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::clock::micros;
use crate::percentiles::Percentiles;
use crate::text;

/// Counts and latencies of the stand-in since its last reset.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct SinkStats {
    /// Calls of `/sms/send`.
    pub(crate) calls: u64,
    /// Messages in those calls.
    pub(crate) messages: u64,
    /// Distinct messages.
    pub(crate) distinct: u64,
    /// Time of the first call, in microseconds since 1970.
    pub(crate) first: u64,
    /// Times from the request of a message to its call here.
    pub(crate) latency: Percentiles,
    /// The same for urgent messages, each of which has its own call.
    pub(crate) urgent: Percentiles,
}

#[derive(Debug, Default)]
struct Counters {
    calls: u64,
    messages: u64,
    distinct: u64,
    first: Option<u64>,
    /// One bit per message number.
    numbers: Vec<u64>,
    latencies: Vec<u64>,
    urgent: Vec<u64>,
    delay: Duration,
    /// The last provider id. Ids start at the current time and continue after a reset, so that none
    /// is used twice.
    id: u64,
}

type Shared = Arc<Mutex<Counters>>;

/// Serves until it is killed.
pub(crate) async fn serve(port: u16) -> anyhow::Result<()> {
    let routes = Router::new()
        .route("/sms/send", post(send))
        .route("/sms/status", post(status))
        .route("/bench/messages", get(messages))
        .route("/bench/stats", get(stats))
        .route("/bench/reset/{delay_ms}", post(reset))
        .with_state(Arc::new(Mutex::new(Counters { id: micros(), ..Counters::default() })));
    let listener =
        TcpListener::bind(("127.0.0.1", port)).await.context("the port of the stand-in")?;
    axum::serve(listener, routes).await?;
    Ok(())
}

async fn send(State(counters): State<Shared>, form: String) -> String {
    let now = micros();
    let (response, delay) = {
        let mut counters = lock(&counters);
        counters.calls += 1;
        counters.first.get_or_insert(now);
        (counters.response(&form, now), counters.delay)
    };
    if !delay.is_zero() {
        sleep(delay).await;
    }
    response
}

/// Reports every message as in transit, so that no receipt comes during a measurement.
async fn status(form: String) -> String {
    let ids = url::form_urlencoded::parse(form.as_bytes()).find(|(name, _)| name == "sms_id");
    let ids = ids.map(|(_, ids)| ids.into_owned()).unwrap_or_default();
    let states: Vec<_> = ids
        .split(',')
        .map(|id| {
            let state =
                r#"{"status":"OK","status_code":102,"cost":"0.50","status_text":"On the way"}"#;
            format!(r#""{id}":{state}"#)
        })
        .collect();
    format!(
        r#"{{"status":"OK","status_code":100,"balance":4122.56,"sms":{{{}}}}}"#,
        states.join(",")
    )
}

async fn messages(State(counters): State<Shared>) -> String {
    lock(&counters).messages.to_string()
}

async fn stats(State(counters): State<Shared>) -> axum::Json<SinkStats> {
    let counters = lock(&counters);
    axum::Json(SinkStats {
        calls: counters.calls,
        messages: counters.messages,
        distinct: counters.distinct,
        first: counters.first.unwrap_or_default(),
        latency: Percentiles::new(counters.latencies.clone()),
        urgent: Percentiles::new(counters.urgent.clone()),
    })
}

async fn reset(State(counters): State<Shared>, Path(delay_ms): Path<u64>) {
    let mut counters = lock(&counters);
    let delay = Duration::from_millis(delay_ms);
    *counters = Counters { delay, id: counters.id, ..Counters::default() };
}

fn lock(counters: &Shared) -> std::sync::MutexGuard<'_, Counters> {
    counters.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Counters {
    /// Accepts all messages of a form, and writes the response.
    fn response(&mut self, form: &str, now: u64) -> String {
        let mut response = String::with_capacity(form.len() * 2);
        response.push_str(r#"{"status":"OK","status_code":100,"sms":{"#);
        // One message has the fields `to` and `msg`, several have a field `to[number]` each.
        let mut single = None;
        for (name, value) in url::form_urlencoded::parse(form.as_bytes()) {
            if name == "to" {
                single = Some(value);
            } else if let Some(to) = single.as_ref().filter(|_| name == "msg") {
                self.accept(to, &value, now, &mut response);
            } else if let Some(to) =
                name.strip_prefix("to[").and_then(|name| name.strip_suffix(']'))
            {
                self.accept(to, &value, now, &mut response);
            }
        }
        response.push_str(r#"},"balance":4122.56}"#);
        response
    }

    fn accept(&mut self, to: &str, text: &str, now: u64, response: &mut String) {
        use std::fmt::Write as _;
        let separator = if response.ends_with('{') { "" } else { "," };
        self.messages += 1;
        self.id += 1;
        // Writing to a string cannot fail.
        let _ = write!(response, r#"{separator}"{to}":{{"status":"OK","status_code":100,"#);
        let _ = write!(response, r#""sms_id":"202648-{}","cost":"0.50"}}"#, self.id);
        self.count(text, now);
    }

    fn count(&mut self, text: &str, now: u64) {
        let Some(text::Parsed { is_urgent, asked, number }) = text::parse(text) else { return };
        let (index, bit) = (number / 64, 1 << (number % 64));
        if self.numbers.len() <= index {
            self.numbers.resize(index + 1, 0);
        }
        self.distinct += u64::from(self.numbers[index] & bit == 0);
        self.numbers[index] |= bit;
        if asked > 0 {
            let latencies = if is_urgent { &mut self.urgent } else { &mut self.latencies };
            latencies.push(now.saturating_sub(asked));
        }
    }
}
