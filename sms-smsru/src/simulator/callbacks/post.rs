//! One callback on its way: where it may go, and the request.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode, client};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::{Host, Url};

use crate::simulator::callbacks::queue::{Batch, Work};
use crate::simulator::shared::Shared;

/// The longest reply that is read: the right one has three bytes.
const MAX_REPLY: usize = 64 * 1024;

/// A place on loopback.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    address: SocketAddr,
    host: String,
    path: String,
}

impl Target {
    /// The place an address names; `None` unless it is an `http` one on loopback.
    pub(crate) fn read(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok().filter(|url| url.scheme() == "http")?;
        let ip = match url.host()? {
            // The name is not looked up: whoever answers for it could point it elsewhere.
            Host::Domain(name) => {
                (name == "localhost").then_some(IpAddr::V4(Ipv4Addr::LOCALHOST))?
            }
            Host::Ipv4(ip) => IpAddr::V4(ip),
            Host::Ipv6(ip) => IpAddr::V6(ip),
        };
        if !ip.is_loopback() {
            return None;
        }
        let address = SocketAddr::new(ip, url.port_or_known_default()?);
        let path = url
            .query()
            .map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        Some(Self { address, host: format!("{}:{}", url.host_str()?, address.port()), path })
    }
}

/// Takes the mark off a handler that a request is under way, also when the request is given up half
/// way.
struct UnderWay<'a> {
    shared: &'a Shared,
    handler: u64,
    taken: Option<usize>,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let now_ms = self.shared.clock.now_ms();
        self.shared.lock().callbacks.settle(self.handler, self.taken, now_ms);
        self.shared.callback_over.notify_waiters();
        self.shared.wake.notify_one();
    }
}

/// Posts a batch; whether the handler took it.
pub(crate) async fn deliver(shared: &Shared, batch: Batch) -> bool {
    let mut under_way = UnderWay { shared, handler: batch.handler, taken: None };
    let records = batch.records;
    let answered = tokio::time::timeout(shared.config.callback_timeout, post(batch)).await;
    let problem = match answered {
        Ok(Ok(())) => {
            under_way.taken = Some(records);
            return true;
        }
        Ok(Err(problem)) => problem,
        Err(_) => "no answer in time".to_owned(),
    };
    tracing::info!(records, problem, "a callback was not taken and will be repeated");
    false
}

/// Posts everything that waits, whether its time has come or not, until it is taken or was refused
/// once; how many records were taken.
pub(crate) async fn flush(shared: &Shared) -> usize {
    let (mut taken, mut failed) = (0, Vec::new());
    shared.lock().run(&shared.config, shared.clock.now_ms());
    loop {
        // Armed before the state is read, so that an end in between is not missed.
        let over = shared.callback_over.notified();
        let work = {
            let mut state = shared.lock();
            let state = &mut *state;
            let now_ms = shared.clock.now_ms();
            state.callbacks.any_of(&shared.config, &mut state.luck, now_ms, &failed)
        };
        match work {
            Work::None => return taken,
            // The timeout of the request under way ends this wait too; ours is for the case that it
            // does not.
            Work::Busy => {
                let _ = tokio::time::timeout(
                    shared.config.callback_timeout + Duration::from_secs(1),
                    over,
                )
                .await;
            }
            Work::Batch(batch) => {
                let (handler, records) = (batch.handler, batch.records);
                if deliver(shared, batch).await {
                    taken += records;
                } else {
                    failed.push(handler);
                }
            }
        }
    }
}

/// One request. Only an answer of exactly `100` is a success.
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
    let answer = async {
        let answer =
            sender.send_request(request).await.map_err(|error| format!("the answer: {error}"))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_REPLY).collect().await;
        let body = body.map_err(|error| format!("the answer: {error}"))?.to_bytes();
        match (status, &*body) {
            (StatusCode::OK, b"100") => Ok(()),
            (StatusCode::OK, _) => Err("an answer other than 100".to_owned()),
            (status, _) => Err(format!("HTTP status {status}")),
        }
    };
    // The connection moves only while it is polled, and ends with this function.
    tokio::pin!(connection, answer);
    tokio::select! {
        answer = &mut answer => answer,
        _ = &mut connection => answer.await,
    }
}
