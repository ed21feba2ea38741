//! HTTP requests of callbacks.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode, client};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::simulator::callbacks::queue::{Batch, NextBatch};
use crate::simulator::callbacks::target::Target;
use crate::simulator::shared::Shared;

/// The maximum size of a reply in bytes. A confirmation has three.
const MAX_REPLY: usize = 64 * 1024;

/// A request in progress. When it is dropped, the handler is ready for the next one, also if the
/// request was cancelled.
struct InFlight<'a> {
    shared: &'a Shared,
    handler: u64,
    /// The number of confirmed records, once the handler has confirmed them.
    confirmed: Option<usize>,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let now_ms = self.shared.clock.now_ms();
        self.shared.lock().callbacks.settle(self.handler, self.confirmed, now_ms);
        self.shared.callback_finished.notify_waiters();
        self.shared.wake.notify_one();
    }
}

/// Posts a batch. Returns `true` if the handler confirmed it.
pub(crate) async fn deliver(shared: &Shared, batch: Batch) -> bool {
    let mut in_flight = InFlight { shared, handler: batch.handler, confirmed: None };
    let records = batch.records;
    let answered = tokio::time::timeout(shared.config.callback_timeout, post(batch)).await;
    let problem = match answered {
        Ok(Ok(())) => {
            in_flight.confirmed = Some(records);
            return true;
        }
        Ok(Err(problem)) => problem,
        Err(_) => "no reply in time".to_owned(),
    };
    tracing::info!(records, problem, "callback was not confirmed and will be repeated");
    false
}

/// Posts all pending records at once, also those that are not due, and stops for a handler after a
/// failure. Returns the number of confirmed records.
pub(crate) async fn flush(shared: &Shared) -> usize {
    let (mut confirmed, mut failed) = (0, Vec::new());
    shared.lock().run(&shared.config, shared.clock.now_ms());
    loop {
        // Created before the state is read, so that no notification is missed.
        let finished = shared.callback_finished.notified();
        let next = {
            let mut state = shared.lock();
            let state = &mut *state;
            let now_ms = shared.clock.now_ms();
            state.callbacks.next_of_any(&shared.config, &mut state.rng, now_ms, &failed)
        };
        match next {
            NextBatch::None => return confirmed,
            // The request in progress has a timeout. This one is a precaution.
            NextBatch::Busy => {
                let _ = tokio::time::timeout(
                    shared.config.callback_timeout + Duration::from_secs(1),
                    finished,
                )
                .await;
            }
            NextBatch::Batch(batch) => {
                let (handler, records) = (batch.handler, batch.records);
                if deliver(shared, batch).await {
                    confirmed += records;
                } else {
                    failed.push(handler);
                }
            }
        }
    }
}

/// Sends one request. Only the reply `100` is a success.
async fn post(batch: Batch) -> Result<(), String> {
    let Target { address, host, path } = batch.target;
    let stream =
        TcpStream::connect(address).await.map_err(|error| format!("connecting: {error}"))?;
    let (mut sender, connection) = client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| format!("connecting: {error}"))?;
    let request = Request::post(path)
        .header(HOST, host)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(CONNECTION, "close")
        .body(Full::new(Bytes::from(batch.form)))
        .map_err(|error| format!("the request: {error}"))?;
    let reply = async {
        let reply =
            sender.send_request(request).await.map_err(|error| format!("the reply: {error}"))?;
        let status = reply.status();
        let body = Limited::new(reply.into_body(), MAX_REPLY).collect().await;
        let body = body.map_err(|error| format!("the reply: {error}"))?.to_bytes();
        match (status, &*body) {
            (StatusCode::OK, b"100") => Ok(()),
            (StatusCode::OK, _) => Err("a reply other than 100".to_owned()),
            (status, _) => Err(format!("HTTP status {status}")),
        }
    };
    // The connection makes progress only while it is polled, and ends with this function.
    tokio::pin!(connection, reply);
    tokio::select! {
        reply = &mut reply => reply,
        _ = &mut connection => reply.await,
    }
}
