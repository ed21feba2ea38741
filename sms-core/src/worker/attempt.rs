//! One batch on its way: begin, submit, settle, ack.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::breaker::Admission;
use super::served_route::ServedRoute;
use super::slots::{CallSlot, InFlight};
use crate::attempt_log;
use crate::error::{Error, Result};
use crate::instruments;
use crate::lane::Lane;
use crate::message::{MessageId, TraceParent};
use crate::provider::outcome::{Outcome, OutcomeClass};
use crate::provider::{LateAnswer, LateAnswers, Submission};
use crate::queue::{Lease, Queue};
use crate::store::decision::{AttemptState, Verdict, decide};
use crate::store::{BeginRequest, Begun, Settled, Settlement};
use crate::supervise::catch_panic;

/// Timeouts of the queue and of the store.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);
pub(super) const STORE_TIMEOUT: Duration = Duration::from_secs(30);
/// Part of a lease that is reserved for writing the outcome.
const SETTLE_MARGIN: Duration = Duration::from_secs(5);
/// Time by which the drain exceeds the timeout of a call before writes to the store are given up.
pub(super) const DRAIN_MARGIN: Duration = Duration::from_secs(3);
/// Time that the last try of a write to the store may take, late in the drain.
pub(super) const LAST_TRY: Duration = Duration::from_secs(1);

/// Waits between repeats of a write that lost its answer.
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Reason of a message that was not sent because of the stop-list.
const ON_STOP_LIST: &str = "the recipient is on the stop-list";

/// Part of a message that is kept while its submission is with the provider.
struct Ticket {
    id: MessageId,
    fence: u32,
    attempt: AttemptState,
    owner: Option<String>,
    traceparent: Option<TraceParent>,
}

/// Outcomes to be recorded.
#[derive(Default)]
struct Answers {
    settlements: Vec<Settlement>,
    /// Owner of each message, for the log.
    owners: Vec<Option<String>>,
}

impl ServedRoute {
    /// An [`attempt`](Self::attempt) that ends alone when its code panics: its messages are left to
    /// their leases.
    pub(super) async fn attempt_safely(
        &self,
        leases: Vec<Lease>,
        admission: Admission,
        slot: CallSlot,
    ) {
        let messages = leases.len();
        let attempt = async {
            self.attempt(leases, admission, slot).await;
            Ok(())
        };
        if let Err(error) = catch_panic(attempt).await {
            self.breaker.call_off(admission);
            tracing::error!(
                reason = error.report(),
                messages,
                "an attempt failed half way; its messages become unknown"
            );
        }
    }

    /// Takes the jobs of one call to their outcomes. Never fails: what cannot be written now is
    /// repeated, and what cannot be written at all is left for the caretaker, which is safe.
    async fn attempt(&self, leases: Vec<Lease>, admission: Admission, slot: CallSlot) {
        let call = self.provider.limits().timeout;
        let lease = self.lease();
        // Counted from before `begin`, so that it ends before the lease does by the store's clock.
        let latest_start = Instant::now() + lease - call - SETTLE_MARGIN;
        let turns = self.turns(&leases);
        let Some(mut begun) = self.begin(&leases, lease, latest_start, turns).await else {
            self.breaker.call_off(admission);
            return self.release(&leases).await;
        };
        let stopped = begun.extract_if(.., |begun| begun.on_stop_list).collect();
        let mut answers = self.refuse(stopped);
        let mut recording = None;
        if begun.is_empty() {
            self.breaker.call_off(admission);
        } else {
            let (in_flight, call_slot) = slot.start_call(begun.len(), &self.stop).await;
            recording = Some(call_slot);
            answers.append(self.call(begun, admission, latest_start, in_flight).await);
        }
        if !answers.settlements.is_empty() {
            self.settle(&answers, turns).await;
        }
        drop(recording);
        // Also those that were not begun: they are settled, or the caretaker offers them when they
        // are due.
        self.queue_call(self.queue.ack(&leases)).await;
    }

    /// Semaphore that a write to the store waits for; none for an urgent job.
    fn turns(&self, leases: &[Lease]) -> Option<&Semaphore> {
        leases.iter().all(|lease| lease.job.lane != Lane::Urgent).then_some(&self.shared.writes)
    }

    /// Gives jobs back that were not begun.
    pub(super) async fn release(&self, leases: &[Lease]) {
        if !leases.is_empty() {
            self.queue_call(self.queue.release(leases)).await;
        }
    }

    /// Puts the attempts on record; `None` when that could not be done in time. Nothing may be sent
    /// before.
    async fn begin(
        &self,
        leases: &[Lease],
        lease: Duration,
        latest_start: Instant,
        turns: Option<&Semaphore>,
    ) -> Option<Vec<Begun>> {
        let ids: Vec<MessageId> = leases.iter().map(|lease| lease.job.id).collect();
        // One number for all repeats: if an answer was lost, the next one tells what the lost call
        // began.
        let batch = self.shared.batches.fetch_add(1, Ordering::Relaxed);
        let (worker, provider) = (&self.shared.name, self.provider.name());
        let mut wait = FIRST_WAIT;
        while Instant::now() < latest_start {
            let request =
                BeginRequest::new(&ids, worker, batch, provider, lease).route(&self.route);
            let write = in_turn(turns, catch_panic(self.shared.store.begin(request)));
            let recorded = timeout_at(latest_start, timeout(STORE_TIMEOUT, write));
            match self.abandon.run_until_cancelled(recorded).await? {
                Ok(Ok(begun)) => {
                    self.shared.recording.note_work(&begun);
                    if let Ok(begun) = begun {
                        return Some(begun);
                    }
                }
                Ok(Err(_)) => self.shared.recording.failed("begin: no answer in time"),
                Err(_) => break,
            }
            self.pause(&mut wait).await?;
        }
        None
    }

    /// The outcomes of messages to recipients on the stop-list, without a call.
    fn refuse(&self, stopped: Vec<Begun>) -> Answers {
        let reason = Some(ON_STOP_LIST.to_owned());
        let refused = Outcome::new(OutcomeClass::Rejected, None, reason);
        let (tickets, _) = tickets(stopped);
        let outcomes = vec![refused; tickets.len()];
        self.answers(tickets, outcomes, Duration::ZERO)
    }

    /// One call to the provider: the outcomes to be recorded.
    async fn call(
        &self,
        begun: Vec<Begun>,
        admission: Admission,
        latest_start: Instant,
        in_flight: Option<InFlight>,
    ) -> Answers {
        let (tickets, submissions) = tickets(begun);
        let started = Instant::now();
        let given_back = |why: &str| {
            vec![Outcome::new(OutcomeClass::Blocked, None, Some(why.to_owned())); tickets.len()]
        };
        let outcomes = if in_flight.is_none() {
            self.breaker.call_off(admission);
            given_back("the worker was stopped before the call could start")
        } else if !self.breaker.still_admits(admission) {
            self.breaker.call_off(admission);
            given_back("the provider was paused before the call could start")
        } else if started < latest_start {
            let outcomes = self.submit(submissions).await;
            self.breaker.record(&outcomes);
            outcomes
        } else {
            self.breaker.call_off(admission);
            vec![
                Outcome::not_sent("the lease was nearly over before the call could start");
                tickets.len()
            ]
        };
        self.answers(tickets, outcomes, started.elapsed())
    }

    /// Asks the provider, and turns everything that is not an outcome into `Unknown`.
    async fn submit(&self, submissions: Vec<Submission>) -> Vec<Outcome> {
        let (provider, count) = (Arc::clone(&self.provider), submissions.len());
        let limit = provider.limits().timeout;
        // A task of its own, so that a panic in the provider is an outcome and not the end of the
        // worker.
        let call = tokio::spawn(async move { timeout(limit, provider.submit(&submissions)).await });
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let started = Instant::now();
        let ended = call.await;
        instruments::called(self.provider.name(), started.elapsed());
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        let (mut outcomes, missing) = match ended {
            Ok(Ok(outcomes)) => (outcomes, "the provider gave no outcome for this message"),
            Ok(Err(_)) => (Vec::new(), "the provider did not answer in time"),
            Err(error) => {
                tracing::error!(%error, "the provider's code failed");
                (Vec::new(), "the provider's code failed during the call")
            }
        };
        outcomes.resize_with(count, || Outcome::unknown(missing));
        outcomes
    }

    fn answers(&self, tickets: Vec<Ticket>, outcomes: Vec<Outcome>, took: Duration) -> Answers {
        let poll_after = self.poll_after();
        let settlement = |(ticket, mut outcome): (Ticket, Outcome)| {
            let provider =
                outcome.provider.take().unwrap_or_else(|| self.provider.name().to_owned());
            let verdict = decide(ticket.attempt, &outcome, &self.shared.retry, fastrand::f64());
            let settlement = Settlement::new(ticket.id, ticket.fence, provider, outcome, verdict)
                .took(took)
                .poll_after(poll_after)
                .traceparent(ticket.traceparent);
            (settlement, ticket.owner)
        };
        let (settlements, owners) = tickets.into_iter().zip(outcomes).map(settlement).unzip();
        Answers { settlements, owners }
    }

    /// Hears answers that come after their attempts were given up, and records them.
    pub(super) async fn hear_late(&self, late: &dyn LateAnswers) {
        let poll_after = self.poll_after();
        loop {
            let settlement = |LateAnswer { id, attempt, mut outcome, took }: LateAnswer| {
                let provider =
                    outcome.provider.take().unwrap_or_else(|| self.provider.name().to_owned());
                // Of use only where the attempt's own outcome is still to be written.
                let accepted = outcome.class == OutcomeClass::Accepted;
                let verdict = if accepted { Verdict::Sent } else { Verdict::Unknown };
                Settlement::new(id, attempt, provider, outcome, verdict)
                    .took(took)
                    .poll_after(poll_after)
            };
            let settlements: Vec<Settlement> =
                late.next().await.into_iter().map(settlement).collect();
            let owners = vec![None; settlements.len()];
            self.settle(&Answers { settlements, owners }, None).await;
        }
    }

    /// Tells the queue about jobs. Those it does not hear of come again and fall off the store.
    async fn queue_call(&self, call: impl Future<Output = Result<()>>) {
        let timed_out = |error| Err(Error::unavailable("no answer in time", error));
        let told = timeout(QUEUE_TIMEOUT, catch_panic(call)).await.unwrap_or_else(timed_out);
        self.shared.telling.note_work(&told);
    }

    fn poll_after(&self) -> Option<Duration> {
        self.provider.receipts().map(|receipts| receipts.polling().first)
    }

    /// Writes the outcomes, again and again until it is done: they are all anybody knows about
    /// these messages. Meanwhile this attempt keeps its slot, so a store that is down stops new
    /// calls.
    async fn settle(&self, answers: &Answers, turns: Option<&Semaphore>) {
        let Answers { settlements, owners } = answers;
        let mut wait = FIRST_WAIT;
        loop {
            let settle = timeout(
                STORE_TIMEOUT,
                in_turn(turns, catch_panic(self.shared.store.settle(settlements))),
            );
            match self.unless_abandoned(settle).await {
                Some(Ok(settled)) => {
                    self.shared.recording.note_work(&settled);
                    if let Ok(settled) = settled {
                        attempt_log::settled(settlements, owners, &settled);
                        instruments::attempted(settlements);
                        log_late(settlements, &settled);
                        return self.shared.ends.settled(settlements, &settled);
                    }
                }
                Some(Err(_)) => self.shared.recording.failed("settle: no answer in time"),
                None => return log_lost(settlements),
            }
            if self.pause(&mut wait).await.is_none() {
                return log_lost(settlements);
            }
        }
    }

    /// The call's answer; `None` when it has none a while after the drain is over.
    pub(super) async fn unless_abandoned<T>(&self, call: impl Future<Output = T>) -> Option<T> {
        let abandoned = async {
            self.abandon.cancelled().await;
            sleep(LAST_TRY).await;
        };
        tokio::select! {
            biased;
            answer = call => Some(answer),
            () = abandoned => None,
        }
    }

    /// Waits, longer each time; `None` when the worker is to give up.
    pub(super) async fn pause(&self, wait: &mut Duration) -> Option<()> {
        self.abandon.run_until_cancelled(sleep(*wait)).await?;
        *wait = (*wait * 2).min(LONGEST_WAIT);
        Some(())
    }
}

impl Answers {
    fn append(&mut self, mut further: Self) {
        self.settlements.append(&mut further.settlements);
        self.owners.append(&mut further.owners);
    }
}

/// Splits each message into the part that is kept here and the part that the provider gets.
fn tickets(begun: Vec<Begun>) -> (Vec<Ticket>, Vec<Submission>) {
    let split = |Begun { submission, fence, attempt, owner, .. }| {
        let traceparent = submission.options.traceparent;
        (Ticket { id: submission.id, fence, attempt, owner, traceparent }, submission)
    };
    begun.into_iter().map(split).unzip()
}

fn log_late(settlements: &[Settlement], settled: &[Settled]) {
    for (settlement, settled) in settlements.iter().zip(settled) {
        if let Settled::Late(status) = settled {
            let Settlement { id, traceparent, .. } = settlement;
            let traceparent = traceparent.map(tracing::field::display);
            tracing::warn!(
                %id, %status, traceparent,
                "this outcome came after the attempt was given up"
            );
        }
    }
}

/// The log is the last place left for what the provider said.
fn log_lost(settlements: &[Settlement]) {
    for Settlement { id, provider, outcome, .. } in settlements {
        let (class, provider_id) = (outcome.class.as_str(), outcome.provider_id.as_deref());
        let further = &outcome.more_provider_ids;
        let more_provider_ids = (!further.is_empty()).then(|| further.join(","));
        tracing::error!(
            %id, provider, class, provider_id, more_provider_ids,
            "shut down before this outcome was recorded"
        );
    }
}

/// Writes when it is one's turn.
async fn in_turn<T>(turns: Option<&Semaphore>, write: impl Future<Output = T>) -> T {
    // The semaphore is never closed.
    let _turn = match turns {
        Some(turns) => turns.acquire().await.ok(),
        None => None,
    };
    write.await
}
