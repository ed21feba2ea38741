//! Permits for expensive reads: few at a time, shared fairly by the clients.
//!
//! A list or a count can keep a core of the database busy for seconds. With permits, the reads of
//! one client wait for each other. Other clients do not wait for them, nor do calls without a
//! permit (accepting, key checks, readiness, the worker).

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use sms_core::Error;
use tokio::sync::{AcquireError, Semaphore};
use tokio::time::timeout;
use tracing::Instrument as _;

use super::clients::PerClient;
use super::problem::Problem;

/// The longest that a read waits for its permit. Together with the read itself this is less than
/// the time limit of a request.
const MAX_WAIT: Duration = Duration::from_secs(10);
/// The longest that a read may take.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// Reads of one client that may run or wait. Further reads are refused at once.
const MAX_PENDING: usize = 32;

/// Permits for one kind of reads.
#[derive(Debug)]
pub(crate) struct ReadPermits {
    all: Arc<Semaphore>,
    per_client: usize,
    clients: PerClient<ClientPermits>,
}

#[derive(Debug)]
struct ClientPermits {
    pending: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl ReadPermits {
    /// Permits for `all` reads at a time, and for `per_client` reads of one client.
    pub(crate) fn new(all: usize, per_client: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), per_client, clients: PerClient::default() }
    }

    /// Runs a read as soon as the client has a permit.
    ///
    /// The common queue holds at most `per_client` reads of one client, so that it is fair by
    /// client. The read is a task, and keeps its permit when the request is cancelled: the database
    /// does not stop either.
    pub(crate) async fn run<T, E, F>(&self, client: &Arc<str>, read: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let own = self.clients.of(client, || ClientPermits {
            pending: Arc::new(Semaphore::new(MAX_PENDING)),
            running: Arc::new(Semaphore::new(self.per_client)),
        });
        let _pending = Arc::clone(&own.pending).try_acquire_owned().map_err(|_| busy())?;
        let acquire = async {
            let client = Arc::clone(&own.running).acquire_owned().await?;
            Ok::<_, AcquireError>((client, Arc::clone(&self.all).acquire_owned().await?))
        };
        let permits = timeout(MAX_WAIT, acquire).await.map_err(|_| busy())?.map_err(|_| busy())?;
        let held = async move {
            let _held = (permits, own);
            timeout(READ_TIMEOUT, read).await
        };
        // Its log lines belong to the span of the request.
        let task = tokio::spawn(held.in_current_span());
        match task.await {
            Ok(Ok(read)) => read.map_err(Into::into),
            Ok(Err(_)) => Err(out_of_time()),
            Err(error) => Err(Error::unavailable("a read was cancelled", error).into()),
        }
    }
}

fn busy() -> Problem {
    let detail = "too many reads of this client wait already; try again, with fewer at a time";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail)
        .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
}

fn out_of_time() -> Problem {
    let detail = "the read took longer than 5 s and was stopped; ask for less, \
                  such as a shorter range";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "query_timeout", detail)
        .with_header(header::RETRY_AFTER, HeaderValue::from_static("5"))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::time::{Instant, sleep};

    use super::*;

    type Log = Arc<Mutex<Vec<&'static str>>>;

    /// A read of this client that takes a second; logs when it begins.
    async fn read(permits: &ReadPermits, client: &'static str, log: &Log) -> Result<(), Problem> {
        let log = Arc::clone(log);
        let read = async move {
            log.lock().unwrap().push(client);
            sleep(Duration::from_secs(1)).await;
            Ok::<_, Error>(())
        };
        permits.run(&client.into(), read).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_with_many_reads_has_others_wait_for_one_of_them_at_most() {
        let (permits, log) = (Arc::new(ReadPermits::new(1, 1)), Log::default());
        let mut many = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (permits, log) = (Arc::clone(&permits), Arc::clone(&log));
            many.spawn(async move { read(&permits, "many", &log).await });
        }
        tokio::task::yield_now().await;
        let start = Instant::now();
        read(&permits, "one", &log).await.unwrap();
        assert!(start.elapsed() <= Duration::from_secs(3), "{:?}", start.elapsed());
        assert!(many.join_all().await.into_iter().all(|done| done.is_ok()));
        assert!(log.lock().unwrap()[..3].contains(&"one"), "{log:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_takes_too_long_is_given_up_and_one_too_many_is_refused() {
        let permits = Arc::new(ReadPermits::new(2, 1));
        let client = Arc::from("a");
        let endless = || permits.run(&client, std::future::pending::<Result<(), Error>>());
        let start = Instant::now();
        let refused = format!("{:?}", endless().await.unwrap_err());
        assert!(refused.contains("query_timeout") && start.elapsed() == READ_TIMEOUT, "{refused}");
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..MAX_PENDING {
            let permits = Arc::clone(&permits);
            let wait = async move {
                permits.run(&"a".into(), std::future::pending::<Result<(), Error>>()).await
            };
            waiting.spawn(wait);
        }
        tokio::task::yield_now().await;
        let start = Instant::now();
        let refused = format!("{:?}", endless().await.unwrap_err());
        assert!(refused.contains("busy") && start.elapsed() == Duration::ZERO, "{refused}");
        // Nobody waits for longer than that, however many there are.
        waiting.join_all().await;
        assert!(start.elapsed() <= MAX_WAIT + READ_TIMEOUT, "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_keeps_its_permit_when_its_caller_goes_away() {
        let (permits, log) = (Arc::new(ReadPermits::new(2, 1)), Log::default());
        for _ in 0..3 {
            let gone = timeout(Duration::from_millis(10), read(&permits, "a", &log)).await;
            assert!(gone.is_err());
        }
        assert_eq!(log.lock().unwrap().len(), 1, "the database is still busy with the first");
    }
}
