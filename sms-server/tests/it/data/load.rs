//! Messages that come in all the while.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use sms_core::Money;
use sms_smsru::simulator::{Fault, Simulator, SimulatorConfig};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::process::{ADMIN_KEY, Server};

/// A simulator that takes a while for each call, so that a backlog grows and calls are in flight
/// at any moment.
pub(crate) async fn slow_simulator() -> Simulator {
    let rich = SimulatorConfig::default().balance(Money::from_micros(1_000_000_000_000));
    let smsru = Simulator::start(rich).await.expect("a simulator");
    smsru.inject(Fault::DelayReply(Duration::from_millis(60)).forever());
    smsru
}

/// Clients that send messages one after another until they are stopped, or the server is gone.
/// Each message is a code, for which a call of its own is made.
pub(crate) struct Load {
    clients: JoinSet<Vec<(String, usize)>>,
    stop: Arc<AtomicBool>,
    refused: Arc<AtomicUsize>,
}

impl Load {
    pub(crate) fn start(server: &Server) -> Self {
        const CLIENTS: usize = 4;
        let (stop, refused) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let mut clients = JoinSet::new();
        for first in 0..CLIENTS {
            let (url, client) = (server.url("/v1/messages"), reqwest::Client::new());
            let (stop, refused) = (Arc::clone(&stop), Arc::clone(&refused));
            clients.spawn(async move {
                let mut accepted = Vec::new();
                for n in (first..).step_by(CLIENTS) {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let request = client.post(&url).bearer_auth(ADMIN_KEY).json(&code(n));
                    let Ok(reply) = request.header("idempotency-key", key(n)).send().await else {
                        break;
                    };
                    let (status, body) = (reply.status(), reply.json::<Value>().await);
                    match (status.as_u16(), body) {
                        (202, Ok(body)) => {
                            accepted.push((body["id"].as_str().expect("an id").to_owned(), n));
                        }
                        (503, _) => {
                            refused.fetch_add(1, Ordering::Relaxed);
                            sleep(Duration::from_millis(50)).await;
                        }
                        (status, body) => panic!("{status}: {body:?}"),
                    }
                    sleep(Duration::from_millis(8)).await;
                }
                accepted
            });
        }
        Self { clients, stop, refused }
    }

    /// Ends it; the messages that were accepted, by id.
    pub(crate) async fn stop(self) -> HashMap<String, usize> {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.join_all().await.into_iter().flatten().collect()
    }

    /// Number of messages that were refused because the store takes none.
    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }
}

pub(crate) fn key(n: usize) -> String {
    format!("k{n}")
}

/// One of the messages.
pub(crate) fn code(n: usize) -> Value {
    json!({"to": format!("+7925{n:07}"), "text": format!("n{n}"), "class": "otp"})
}

/// How often the simulator has accepted each text.
pub(crate) fn accepted(smsru: &Simulator) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for message in smsru.accepted() {
        *counts.entry(message.text).or_default() += 1;
    }
    counts
}
