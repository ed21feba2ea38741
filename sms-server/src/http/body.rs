//! Bodies of requests, and the memory for them: a budget for all clients and a smaller one for
//! each, so that no client has all of it.

use std::error::Error;
use std::future::poll_fn;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest as _, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse as _;
use http_body_util::LengthLimitError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::clients::PerClient;
use super::problem::Problem;

/// The largest body of an ordinary request, in bytes.
pub(crate) const MAX_BODY: usize = 64 * 1024;
/// The largest body of a batch, in bytes.
pub(crate) const MAX_BATCH_BODY: usize = 1000 * 20 * 1024;
/// Memory for the batches of one client, in bytes, and of all clients. What is read from a body
/// takes about as much again, and the allocator keeps it: the budget bounds what the process does
/// not give back.
const BATCHES: (usize, usize) = (MAX_BATCH_BODY + 512 * 1024, 2 * MAX_BATCH_BODY);
/// The same for ordinary bodies. They have a budget of their own, so that the batches of one client
/// do not keep out the single messages of others.
const ORDINARY: (usize, usize) = (4 * 1024 * 1024, 8 * 1024 * 1024);
/// The size of one permit, in bytes.
const PERMIT_BYTES: usize = 1024;
/// The least that is added for a body that has grown beyond its reservation, in bytes.
const GROWTH_BYTES: usize = 256 * 1024;

/// The budgets of memory for bodies.
#[derive(Debug)]
pub(crate) struct BodyBudgets {
    ordinary: Budget,
    batches: Budget,
}

#[derive(Debug)]
struct Budget {
    per_client: usize,
    total: Arc<Semaphore>,
    clients: PerClient<Client>,
}

#[derive(Debug)]
struct Client(Arc<Semaphore>);

/// Memory that is reserved until this is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    client: OwnedSemaphorePermit,
    total: OwnedSemaphorePermit,
    /// Keeps the budget of the client in the map of clients.
    _held: Arc<Client>,
}

/// A body, and the memory that is reserved for it.
#[derive(Debug)]
pub(crate) struct ReservedBytes {
    bytes: Bytes,
    _memory: Reservation,
}

impl Deref for ReservedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Default for BodyBudgets {
    fn default() -> Self {
        Self { ordinary: Budget::new(ORDINARY), batches: Budget::new(BATCHES) }
    }
}

impl BodyBudgets {
    /// Reads the body of an ordinary request.
    pub(crate) async fn read(
        &self,
        client: &Arc<str>,
        mut body: Body,
    ) -> Result<ReservedBytes, Problem> {
        let memory = match self.ordinary.reserve(client, length(&body).unwrap_or(MAX_BODY)) {
            Ok(memory) => memory,
            Err(problem) => {
                drain(&mut body).await;
                return Err(problem);
            }
        };
        let bytes = Bytes::from_request(Request::new(body), &()).await;
        let bytes =
            bytes.map_err(|rejection| Problem::of_framework(rejection.into_response().status()))?;
        Ok(ReservedBytes { bytes, _memory: memory })
    }

    /// Reserves memory for a batch of this many bytes.
    pub(crate) fn reserve_batch(
        &self,
        client: &Arc<str>,
        bytes: usize,
    ) -> Result<Reservation, Problem> {
        self.batches.reserve(client, bytes)
    }
}

impl Budget {
    fn new((per_client, total): (usize, usize)) -> Self {
        Self {
            per_client,
            total: Arc::new(Semaphore::new(total / PERMIT_BYTES)),
            clients: PerClient::default(),
        }
    }

    fn reserve(&self, client: &Arc<str>, bytes: usize) -> Result<Reservation, Problem> {
        let new_client = || Client(Arc::new(Semaphore::new(self.per_client / PERMIT_BYTES)));
        let held = self.clients.of(client, new_client);
        let (client, total) = (acquire(&held.0, bytes)?, acquire(&self.total, bytes)?);
        Ok(Reservation { client, total, _held: held })
    }
}

impl Reservation {
    /// Reserves more, where a body has turned out to have this many bytes.
    pub(crate) fn cover(&mut self, bytes: usize) -> Result<(), Problem> {
        let reserved = self.total.num_permits() * PERMIT_BYTES;
        if bytes > reserved {
            let more = (bytes - reserved).max(GROWTH_BYTES);
            self.client.merge(acquire(self.client.semaphore(), more)?);
            self.total.merge(acquire(self.total.semaphore(), more)?);
        }
        Ok(())
    }
}

fn acquire(memory: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
    let permits = u32::try_from(bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX);
    Arc::clone(memory).try_acquire_many_owned(permits).map_err(|_| {
        let detail = "too many large requests are in flight; try again, with fewer at a time";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail)
            .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
    })
}

/// The length of a body, where the client declared it.
pub(crate) fn length(body: &Body) -> Option<usize> {
    body.size_hint().exact().and_then(|length| usize::try_from(length).ok())
}

/// The next bytes of a body; `None` at its end.
pub(crate) async fn next_bytes(body: &mut Body) -> Result<Option<Bytes>, Problem> {
    loop {
        match poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
            None => return Ok(None),
            // Trailers are skipped.
            Some(Ok(frame)) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
            Some(Err(error)) => {
                let status = if is_too_large(&error) {
                    StatusCode::PAYLOAD_TOO_LARGE
                } else {
                    StatusCode::BAD_REQUEST
                };
                return Err(Problem::of_framework(status));
            }
        }
    }
}

/// Reads the rest of a body and drops it: a client that is cut off while it sends may not see its
/// reply.
pub(crate) async fn drain(body: &mut Body) {
    while let Ok(Some(_)) = next_bytes(body).await {}
}

fn is_too_large(error: &axum::Error) -> bool {
    let mut causes = std::iter::successors(Error::source(error), |&cause| cause.source());
    causes.any(<dyn Error>::is::<LengthLimitError>)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_client_has_all_the_memory_and_it_comes_back() {
        let (per_client, total) = BATCHES;
        let (bodies, greedy, other) =
            (BodyBudgets::default(), Arc::from("greedy"), Arc::from("other"));
        let mut held = bodies.reserve_batch(&greedy, per_client - GROWTH_BYTES).unwrap();
        held.cover(per_client - GROWTH_BYTES + 1).unwrap();
        held.cover(per_client).unwrap();
        for (client, bytes) in [(&greedy, 1), (&other, per_client + 1)] {
            assert!(
                format!("{:?}", bodies.reserve_batch(client, bytes).unwrap_err()).contains("busy")
            );
        }
        assert!(held.cover(per_client + 1).is_err());
        let rest = bodies.reserve_batch(&other, total - per_client).unwrap();
        assert!(bodies.reserve_batch(&Arc::from("third"), 1).is_err(), "all of it is in use");
        drop((held, rest));
        assert_eq!(bodies.batches.total.available_permits(), total / PERMIT_BYTES);
        bodies.reserve_batch(&greedy, per_client).unwrap();
    }

    #[tokio::test]
    async fn batches_that_take_all_their_memory_keep_no_single_message_out() {
        let (bodies, third) = (BodyBudgets::default(), Arc::from("third"));
        let clients = [Arc::from("one"), Arc::from("other")];
        let held: Vec<_> = clients
            .iter()
            .map(|client| bodies.reserve_batch(client, BATCHES.1 / 2).unwrap())
            .collect();
        assert!(bodies.reserve_batch(&third, 1).is_err());
        let body =
            bodies.read(&third, Body::from("{}")).await.expect("a single message was kept out");
        assert_eq!(&*body, b"{}");
        drop(held);
    }
}
