//! Shared parts of the tests: a clock, faults around stores and queues, a provider that records
//! its calls, and a world with all of them.

use std::collections::HashMap;
use std::fmt;
use std::future::{Future, pending};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sms_core::clock::Uptime;
use sms_core::message::{MessageState, NewMessage};
use sms_core::provider::ProviderRef;
use sms_core::queue::QueueStats;
use sms_core::store::ReceiptEffect;
use sms_core::store::event::Event;
use sms_core::store::{
    Archive, AwaitingRequest, BeginRequest, Begun, BulkChange, BulkResult, CancelRequest,
    DueRequest, EventPage, EventsRequest, ExpireRequest, InferRequest, InsertRequest, Inserted,
    ListRequest, LogEnd, LogEndRequest, MessageRequest, PurgeRequest, RescueRequest,
    ResolveRequest, RoutePurgeRequest, Settled, Settlement, Stats, StatsRequest, UnmatchedRequest,
};
use sms_core::worker::WorkerBuilder;
use sms_core::{
    CancellationToken, Clock, Error, ErrorKind, Job, Lease, Limits, MemoryQueue, MemoryStore,
    Message, MessageCount, MessageId, MessagePage, NumberReader, Outcome, Provider, Queue, Receipt,
    Result, Sender, Status, Store, StoreFault, StoredMessage, Submission, UnmatchedId, Worker,
    async_trait,
};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// The provider's timeout in these tests; the lease is 2 × 5 + 10 = 20 s.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);
/// Start of the tests: 2026-01-01, in milliseconds since the Unix epoch.
pub(crate) const START_MS: i64 = 1_767_225_600_000;

/// A wall clock that follows tokio's time, even while that is paused.
#[derive(Debug)]
pub(crate) struct TokioClock(Instant);

impl TokioClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Instant::now()))
    }
}

impl Clock for TokioClock {
    fn now_ms(&self) -> i64 {
        START_MS + self.uptime().ms
    }

    fn uptime(&self) -> Uptime {
        Uptime { boot: 1, ms: i64::try_from(self.0.elapsed().as_millis()).unwrap() }
    }
}

/// A method of a store or a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Call {
    Insert,
    Due,
    Begin,
    Settle,
    Rescue,
    Expire,
    Receipts,
    Awaiting,
    Infer,
    Resolve,
    Cancel,
    Read,
    Purge,
    Push,
    Pull,
    Ack,
    Release,
    Stats,
}

/// Fault of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// It fails and has no effect.
    Fail,
    /// It has its effect, and the answer is lost.
    LoseAnswer,
    /// It never ends and has no effect.
    Hang,
    /// It has its effect and never ends.
    HangAfter,
    /// It waits first.
    Delay(Duration),
    /// It has its effect at once, and the answer is late.
    DelayAnswer(Duration),
    /// Its code panics, before it has an effect.
    Panic,
}

/// Decides about each call.
pub(crate) trait Faults: fmt::Debug + Send + Sync + 'static {
    fn next(&self, call: Call) -> Option<Fault>;

    /// Records the number of rows before an insert.
    fn note_rows(&self, _: usize) {}
}

/// A store or a queue with faults.
#[derive(Debug)]
pub(crate) struct Faulty<T> {
    inner: Arc<T>,
    faults: Arc<dyn Faults>,
}

impl<T> Faulty<T> {
    pub(crate) fn new(inner: Arc<T>, faults: Arc<dyn Faults>) -> Self {
        Self { inner, faults }
    }

    async fn around<R>(&self, call: Call, effect: impl Future<Output = Result<R>>) -> Result<R> {
        let lost = || Error::unavailable("injected", "the cause").with_fault(StoreFault::Full);
        match self.faults.next(call) {
            None => return effect.await,
            Some(Fault::Fail) => {}
            Some(Fault::Hang) => return pending().await,
            // Without the noise of the panic hook.
            Some(Fault::Panic) => resume_unwind(Box::new("a bug in an adapter's code")),
            Some(Fault::Delay(time)) => {
                sleep(time).await;
                return effect.await;
            }
            Some(Fault::LoseAnswer) => drop(effect.await?),
            Some(Fault::HangAfter) => {
                effect.await?;
                return pending().await;
            }
            Some(Fault::DelayAnswer(time)) => {
                let result = effect.await;
                sleep(time).await;
                return result;
            }
        }
        Err(lost())
    }
}

#[async_trait]
impl<T: Archive> Archive for Faulty<T> {
    fn numbers(&self) -> NumberReader {
        self.inner.numbers()
    }

    async fn unmatched(&self, request: &UnmatchedRequest) -> Result<Vec<UnmatchedId>> {
        self.around(Call::Read, self.inner.unmatched(request)).await
    }

    async fn get(&self, request: &MessageRequest) -> Result<Option<StoredMessage>> {
        self.around(Call::Read, self.inner.get(request)).await
    }

    async fn list(&self, request: &ListRequest) -> Result<MessagePage> {
        self.around(Call::Read, self.inner.list(request)).await
    }

    async fn count(&self, request: &ListRequest) -> Result<MessageCount> {
        self.around(Call::Read, self.inner.count(request)).await
    }

    async fn timeline(&self, request: &MessageRequest) -> Result<Vec<Event>> {
        self.around(Call::Read, self.inner.timeline(request)).await
    }

    async fn events(&self, request: &EventsRequest) -> Result<EventPage> {
        self.around(Call::Read, self.inner.events(request)).await
    }

    async fn log_end(&self, request: &LogEndRequest) -> Result<LogEnd> {
        self.around(Call::Read, self.inner.log_end(request)).await
    }

    async fn stats(&self, request: &StatsRequest) -> Result<Stats> {
        self.around(Call::Read, self.inner.stats(request)).await
    }
}

#[async_trait]
impl<T: Store> Store for Faulty<T> {
    async fn replays(&self, messages: &[NewMessage]) -> Result<Vec<Option<Inserted>>> {
        self.around(Call::Read, self.inner.replays(messages)).await
    }

    async fn insert(&self, request: InsertRequest<'_>) -> Result<Vec<Inserted>> {
        self.faults.note_rows(request.messages.len());
        self.around(Call::Insert, self.inner.insert(request)).await
    }

    async fn due(&self, request: DueRequest) -> Result<Vec<Job>> {
        self.around(Call::Due, self.inner.due(request)).await
    }

    async fn begin(&self, request: BeginRequest<'_>) -> Result<Vec<Begun>> {
        self.around(Call::Begin, self.inner.begin(request)).await
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<Settled>> {
        self.around(Call::Settle, self.inner.settle(settlements)).await
    }

    async fn rescue(&self, request: RescueRequest) -> Result<Vec<MessageId>> {
        self.around(Call::Rescue, self.inner.rescue(request)).await
    }

    async fn expire(&self, request: ExpireRequest) -> Result<Vec<MessageId>> {
        self.around(Call::Expire, self.inner.expire(request)).await
    }

    async fn apply_receipts(&self, receipts: &[Receipt]) -> Result<Vec<ReceiptEffect>> {
        self.around(Call::Receipts, self.inner.apply_receipts(receipts)).await
    }

    async fn awaiting_receipt(&self, request: AwaitingRequest) -> Result<Vec<ProviderRef>> {
        self.around(Call::Awaiting, self.inner.awaiting_receipt(request)).await
    }

    async fn infer(&self, request: InferRequest) -> Result<Vec<MessageId>> {
        self.around(Call::Infer, self.inner.infer(request)).await
    }

    async fn resolve(&self, request: ResolveRequest) -> Result<Status> {
        self.around(Call::Resolve, self.inner.resolve(request)).await
    }

    async fn cancel(&self, request: CancelRequest) -> Result<Status> {
        self.around(Call::Cancel, self.inner.cancel(request)).await
    }

    async fn change_all(&self, request: BulkChange) -> Result<Vec<BulkResult>> {
        self.around(Call::Cancel, self.inner.change_all(request)).await
    }

    async fn purge(&self, request: PurgeRequest) -> Result<usize> {
        self.around(Call::Purge, self.inner.purge(request)).await
    }

    async fn purge_route(&self, request: RoutePurgeRequest) -> Result<usize> {
        self.around(Call::Purge, self.inner.purge_route(request)).await
    }
}

#[async_trait]
impl<T: Queue> Queue for Faulty<T> {
    async fn push(&self, jobs: &[Job]) -> Result<()> {
        self.around(Call::Push, self.inner.push(jobs)).await
    }
    async fn pull(&self, max: usize, wait: Duration) -> Result<Vec<Lease>> {
        self.around(Call::Pull, self.inner.pull(max, wait)).await
    }
    async fn ack(&self, leases: &[Lease]) -> Result<()> {
        self.around(Call::Ack, self.inner.ack(leases)).await
    }
    async fn release(&self, leases: &[Lease]) -> Result<()> {
        self.around(Call::Release, self.inner.release(leases)).await
    }
    async fn stats(&self) -> Result<QueueStats> {
        self.around(Call::Stats, self.inner.stats()).await
    }
}

/// Faults as a test plans them, and a count of the calls.
#[derive(Debug, Default)]
pub(crate) struct Script {
    planned: Mutex<HashMap<Call, (Fault, usize)>>,
    counts: Mutex<HashMap<Call, usize>>,
    most_rows: AtomicUsize,
}

impl Script {
    /// The next `times` calls of this method go wrong.
    pub(crate) fn plan(&self, call: Call, fault: Fault, times: usize) {
        self.planned.lock().unwrap().insert(call, (fault, times));
    }

    /// All these calls fail until [`mend`](Self::mend).
    pub(crate) fn break_all(&self, calls: &[Call], fault: Fault) {
        for call in calls {
            self.plan(*call, fault, usize::MAX);
        }
    }

    pub(crate) fn mend(&self) {
        self.planned.lock().unwrap().clear();
    }

    /// The largest insert.
    pub(crate) fn most_rows(&self) -> usize {
        self.most_rows.load(Ordering::SeqCst)
    }

    pub(crate) fn count(&self, call: Call) -> usize {
        self.counts.lock().unwrap().get(&call).copied().unwrap_or_default()
    }
}

impl Faults for Script {
    fn note_rows(&self, rows: usize) {
        self.most_rows.fetch_max(rows, Ordering::SeqCst);
    }

    fn next(&self, call: Call) -> Option<Fault> {
        *self.counts.lock().unwrap().entry(call).or_default() += 1;
        let mut planned = self.planned.lock().unwrap();
        let (fault, left) = planned.get_mut(&call)?;
        let fault = *fault;
        *left -= 1;
        if *left == 0 {
            planned.remove(&call);
        }
        Some(fault)
    }
}

pub(crate) const STORE_CALLS: &[Call] = &[
    Call::Insert,
    Call::Due,
    Call::Begin,
    Call::Settle,
    Call::Rescue,
    Call::Expire,
    Call::Receipts,
    Call::Awaiting,
    Call::Purge,
];
pub(crate) const QUEUE_CALLS: &[Call] =
    &[Call::Push, Call::Pull, Call::Ack, Call::Release, Call::Stats];

/// Reaction of a provider to one call.
pub(crate) enum Reply {
    /// It answers at once.
    Now(Vec<Outcome>),
    /// It answers after this time.
    After(Duration, Vec<Outcome>),
    /// Its code panics.
    Panic,
}

/// One call as the provider saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) ids: Vec<MessageId>,
    /// State of each message in the store at that moment.
    pub(crate) states: Vec<MessageState>,
}

type Behaviour = Box<dyn Fn(usize, &[Submission]) -> Reply + Send + Sync>;

/// A provider that reacts as a test says, and records every call.
pub(crate) struct Witness {
    store: Arc<MemoryStore>,
    limits: Limits,
    behaviour: Behaviour,
    calls: Mutex<Vec<Seen>>,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").finish_non_exhaustive()
    }
}

impl Witness {
    pub(crate) fn calls(&self) -> Vec<Seen> {
        self.calls.lock().unwrap().clone()
    }

    /// Number of calls with this message.
    pub(crate) fn times(&self, id: MessageId) -> usize {
        self.calls().iter().flat_map(|call| &call.ids).filter(|seen| **seen == id).count()
    }

    pub(crate) fn most_in_flight(&self) -> usize {
        self.most_in_flight.load(Ordering::SeqCst)
    }

    async fn note(&self, batch: &[Submission]) -> usize {
        let mut states = Vec::new();
        for submission in batch {
            states.push(
                self.store.get(&MessageRequest::new(submission.id)).await.unwrap().unwrap().state,
            );
        }
        let ids = batch.iter().map(|submission| submission.id).collect();
        let mut calls = self.calls.lock().unwrap();
        calls.push(Seen { at: Instant::now(), ids, states });
        calls.len()
    }
}

#[async_trait]
impl Provider for Witness {
    fn name(&self) -> &'static str {
        "witness"
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        let number = self.note(batch).await;
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_in_flight.fetch_max(now, Ordering::SeqCst);
        let outcomes = match (self.behaviour)(number, batch) {
            Reply::Now(outcomes) => outcomes,
            Reply::After(time, outcomes) => {
                sleep(time).await;
                outcomes
            }
            // Does not call the panic hook, which would print a trace.
            Reply::Panic => resume_unwind(Box::new("a bug in the provider's code")),
        };
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        outcomes
    }
}

/// Accepts everything.
pub(crate) fn accept(batch: &[Submission]) -> Vec<Outcome> {
    batch.iter().map(|submission| Outcome::accepted(format!("w-{}", submission.id))).collect()
}

/// The same outcome for everything.
pub(crate) fn all(batch: &[Submission], outcome: &Outcome) -> Vec<Outcome> {
    vec![outcome.clone(); batch.len()]
}

pub(crate) fn message(text: &str) -> Message {
    Message::new("+79251234567", text)
}

/// A worker that runs.
pub(crate) struct Running {
    shutdown: CancellationToken,
    task: JoinHandle<Result<()>>,
}

impl Running {
    /// Shuts it down and returns the time that took.
    pub(crate) async fn stop(self) -> Duration {
        let before = Instant::now();
        self.shutdown.cancel();
        timeout(Duration::from_hours(1), self.task)
            .await
            .expect("the worker never stops")
            .unwrap()
            .unwrap();
        before.elapsed()
    }

    /// Aborts it. Tasks that it has spawned continue, so it is for tests in which nothing is in
    /// flight, or every call hangs.
    pub(crate) fn kill(self) {
        self.task.abort();
    }
}

/// A store and a queue with planned faults, and a sender into them.
pub(crate) struct World {
    pub(crate) clock: Arc<TokioClock>,
    pub(crate) faults: Arc<Script>,
    /// The store without the faults.
    pub(crate) memory: Arc<MemoryStore>,
    pub(crate) store: Arc<Faulty<MemoryStore>>,
    pub(crate) queue: Arc<Faulty<MemoryQueue>>,
    pub(crate) sender: Sender,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = TokioClock::new();
        let faults = Arc::new(Script::default());
        let memory = Arc::new(MemoryStore::new().clock(clock.clone()));
        let store = Arc::new(Faulty::new(Arc::clone(&memory), faults.clone()));
        let queue = Arc::new(Faulty::new(Arc::new(MemoryQueue::new()), faults.clone()));
        let sender = Sender::builder(Arc::clone(&store))
            .clock(clock.clone())
            .queue(Arc::clone(&queue))
            .build();
        Self { clock, faults, memory, store, queue, sender }
    }

    pub(crate) async fn send(&self, message: Message) -> MessageId {
        self.sender.send(message).await.unwrap()
    }

    /// Sends `count` messages of class service.
    pub(crate) async fn send_many(&self, count: usize) -> Vec<MessageId> {
        let messages: Vec<NewMessage> =
            (0..count).map(|_| message("hi").prepare().unwrap()).collect();
        let ids = messages.iter().map(|message| message.id).collect();
        self.sender.accept(messages).await.unwrap();
        ids
    }

    /// A provider of batches of 100.
    pub(crate) fn witness(
        &self,
        behaviour: impl Fn(usize, &[Submission]) -> Reply + Send + Sync + 'static,
    ) -> Arc<Witness> {
        self.witness_with(Limits::new(100, TIMEOUT), behaviour)
    }

    pub(crate) fn witness_with(
        &self,
        limits: Limits,
        behaviour: impl Fn(usize, &[Submission]) -> Reply + Send + Sync + 'static,
    ) -> Arc<Witness> {
        Arc::new(Witness {
            store: Arc::clone(&self.memory),
            limits,
            behaviour: Box::new(behaviour),
            calls: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
        })
    }

    pub(crate) fn worker(&self, provider: impl Provider) -> WorkerBuilder {
        Worker::builder(Arc::clone(&self.store), Arc::clone(&self.queue), provider)
    }

    /// Starts a worker with the defaults.
    pub(crate) fn start(&self, provider: impl Provider) -> Running {
        start(self.worker(provider))
    }

    pub(crate) async fn state(&self, id: MessageId) -> MessageState {
        self.memory.get(&MessageRequest::new(id)).await.unwrap().unwrap().state
    }

    pub(crate) async fn status(&self, id: MessageId) -> Status {
        self.state(id).await.status
    }

    pub(crate) async fn timeline(&self, id: MessageId) -> Vec<Event> {
        self.memory.timeline(&MessageRequest::new(id)).await.unwrap()
    }

    /// Waits, an hour at most, until the message is in this state.
    pub(crate) async fn becomes(&self, id: MessageId, status: Status) {
        let wait = async {
            while self.status(id).await != status {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let in_time = timeout(Duration::from_hours(1), wait).await.is_ok();
        assert!(
            in_time,
            "still {} and not {status}: {:?}",
            self.status(id).await,
            self.timeline(id).await
        );
    }

    pub(crate) async fn all_become(&self, ids: &[MessageId], status: Status) {
        for id in ids {
            self.becomes(*id, status).await;
        }
    }

    /// The recorded outcomes, in order.
    pub(crate) async fn recorded_outcomes(&self, id: MessageId) -> Vec<&'static str> {
        let events = self.timeline(id).await;
        events
            .iter()
            .filter_map(|event| event.details.outcome)
            .map(sms_core::OutcomeClass::as_str)
            .collect()
    }
}

pub(crate) fn start(worker: WorkerBuilder) -> Running {
    run(worker.build())
}

pub(crate) fn run(worker: Worker) -> Running {
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(worker.run(shutdown.clone()));
    Running { shutdown, task }
}

/// The error's kind and the words of its whole chain.
pub(crate) fn chain(error: &Error) -> (ErrorKind, Vec<String>) {
    let mut words = vec![error.to_string()];
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        words.push(cause.to_string());
        source = cause.source();
    }
    (error.kind(), words)
}
