//! Limit of open streams and of requests that wait, in all and for each client.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::clients::PerClient;
use super::problem::Problem;

/// Permits for streams: none waits, one too many is refused.
#[derive(Debug)]
pub(crate) struct StreamPermits {
    all: Arc<Semaphore>,
    per_client: usize,
    clients: PerClient<ClientPermits>,
}

/// The permits that a client has left.
#[derive(Debug)]
struct ClientPermits(Arc<Semaphore>);

/// A permit for a stream, until it is dropped.
#[derive(Debug)]
pub(crate) struct StreamPermit {
    _permits: (OwnedSemaphorePermit, OwnedSemaphorePermit),
    /// Keeps the count of the client.
    _client: Arc<ClientPermits>,
}

impl StreamPermits {
    /// Permits for `all` streams, and for `per_client` streams of one client.
    pub(crate) fn new(all: usize, per_client: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), per_client, clients: PerClient::default() }
    }

    /// Takes a permit.
    ///
    /// # Errors
    ///
    /// `streams_too_many`.
    pub(crate) fn take(&self, client: &Arc<str>) -> Result<StreamPermit, Problem> {
        let own =
            self.clients.of(client, || ClientPermits(Arc::new(Semaphore::new(self.per_client))));
        let take =
            |from: &Arc<Semaphore>| Arc::clone(from).try_acquire_owned().map_err(|_| too_many());
        Ok(StreamPermit { _permits: (take(&own.0)?, take(&self.all)?), _client: own })
    }
}

fn too_many() -> Problem {
    let detail =
        "too many streams of events, and requests that wait for a message, are open already";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "streams_too_many", detail)
        .with_header(header::RETRY_AFTER, HeaderValue::from_static("5"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_too_many_is_refused_until_another_ends_and_clients_are_counted_apart() {
        let permits = StreamPermits::new(3, 2);
        let take = |client: &str| permits.take(&client.into());
        let (first, second) = (take("a").unwrap(), take("a").unwrap());
        assert!(take("a").is_err(), "of one client");
        let other = take("b").unwrap();
        assert!(take("c").is_err(), "in all");
        drop(first);
        let third = take("a").unwrap();
        drop((second, other, third));
        assert!(take("c").is_ok());
    }
}
