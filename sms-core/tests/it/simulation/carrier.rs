//! Provider of the simulation: does everything that a provider can do, and records the messages
//! that it accepted.

use sms_core::store::{Archive, MessageRequest};
use std::collections::HashMap;
use std::future::{pending, poll_fn};
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use sms_core::provider::{Polling, ProviderRef};
use sms_core::{
    Account, AccountInfo, Error, LateAnswer, LateAnswers, Limits, MemoryStore, MessageId, Outcome,
    OutcomeClass, Provider, Receipt, Receipts, Result, Status, Submission, async_trait,
    provider::receipt::ReceiptState,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::chaos::{Chaos, Life};

const NAME: &str = "carrier";
const TIMEOUT: Duration = Duration::from_secs(2);

/// The network, one for all workers.
#[derive(Debug)]
pub(super) struct Network {
    chaos: Arc<Chaos>,
    /// The store, to check that an attempt is recorded before it is made.
    store: Arc<MemoryStore>,
    records: Mutex<Records>,
    /// The channel of answers that are too late for `submit`.
    late: mpsc::UnboundedSender<LateAnswer>,
    heard: Mutex<mpsc::UnboundedReceiver<LateAnswer>>,
    reports: bool,
    has_account: bool,
}

/// Submissions and acceptances that the network has seen.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// Number of acceptances of each message.
    pub(super) accepted: HashMap<MessageId, u32>,
    /// The recorded attempt at the last submission of each message.
    fences: HashMap<MessageId, u32>,
    pub(super) violations: Vec<String>,
    blocked_until: Option<Instant>,
}

impl Network {
    pub(super) fn new(chaos: &Arc<Chaos>, store: &Arc<MemoryStore>) -> Arc<Self> {
        let (reports, has_account) = (chaos.percent(50), chaos.percent(30));
        let (chaos, store) = (Arc::clone(chaos), Arc::clone(store));
        let (late, heard) = mpsc::unbounded_channel();
        let heard = Mutex::new(heard);
        Arc::new(Self {
            chaos,
            store,
            records: Mutex::default(),
            late,
            heard,
            reports,
            has_account,
        })
    }

    pub(super) fn records<T>(&self, read: impl FnOnce(&mut Records) -> T) -> T {
        read(&mut self.records.lock().unwrap())
    }

    /// G2: the attempt is on record, and each recorded attempt is made once at most.
    async fn check_recorded(&self, batch: &[Submission]) -> Result<()> {
        for Submission { id, .. } in batch {
            let state = self.store.get(&MessageRequest::new(*id)).await?.map(|stored| stored.state);
            self.records(|records| {
                let before = records.fences.get(id).copied().unwrap_or(0);
                let Some(state) = state else {
                    return records.violations.push(format!("G2: {id} is not stored"));
                };
                // A resend continues, although the late acceptance of the first attempt has just
                // made the message sent.
                let lifted = state.resends > 0 && state.status != Status::Queued;
                if (state.status != Status::Sending && !lifted) || state.fence <= before {
                    let (status, fence) = (state.status, state.fence);
                    records.violations.push(format!(
                        "G2: {id} submitted while {status}, attempt {fence} after {before}"
                    ));
                }
                records.fences.insert(*id, state.fence);
            });
        }
        Ok(())
    }

    fn accept(&self, submission: &Submission) -> Outcome {
        let times = self.records(|records| {
            let times = records.accepted.entry(submission.id).or_default();
            *times += 1;
            *times
        });
        Outcome::accepted(format!("{}-{times}", submission.id))
    }

    fn accept_all(&self, batch: &[Submission]) -> Vec<Outcome> {
        batch.iter().map(|submission| self.accept(submission)).collect()
    }

    fn is_blocked(&self) -> bool {
        let chaos = &self.chaos;
        self.records(|records| {
            if chaos.fault(3) {
                records.blocked_until =
                    Some((Instant::now() + chaos.millis(15_000)).min(chaos.until));
            }
            records.blocked_until.is_some_and(|until| Instant::now() < until)
        })
    }

    /// One recipient's outcome, true or not.
    fn answer(&self, submission: &Submission) -> Outcome {
        if !self.chaos.is_on() {
            return self.accept(submission);
        }
        match self.chaos.below(100) {
            0..60 => self.accept(submission),
            60..68 => Outcome::rejected(202, "bad number"),
            68..76 => Outcome::deferred(220, "busy").retry_after(self.chaos.millis(3_000)),
            76..82 => Outcome::not_sent("no route"),
            82..91 => {
                self.accept(submission);
                Outcome::unknown("no verdict")
            }
            _ => Outcome::unknown("no verdict"),
        }
    }

    /// Answers after the timeout of the call.
    fn answer_late(self: &Arc<Self>, batch: &[Submission]) {
        let (network, batch, started) = (Arc::clone(self), batch.to_vec(), Instant::now());
        tokio::spawn(async move {
            sleep(network.chaos.millis(20_000)).await;
            for submission in batch {
                let (outcome, took) = (network.answer(&submission), started.elapsed());
                let answer = LateAnswer::new(submission.id, submission.attempt, outcome, took);
                if answer.outcome.class != OutcomeClass::Unknown {
                    let _ = network.late.send(answer);
                }
            }
        });
    }

    async fn submit(self: &Arc<Self>, life: &Life, batch: &[Submission]) -> Vec<Outcome> {
        sleep(self.chaos.millis(300)).await;
        if self.is_blocked() {
            return vec![Outcome::blocked(201, "no money"); batch.len()];
        }
        let kind = if self.chaos.is_on() { self.chaos.below(100) } else { 100 };
        if kind >= 21 {
            return self.reply(life, batch, kind).await;
        }
        if (5..10).contains(&kind) {
            self.answer_late(batch);
            return vec![Outcome::unknown("no answer in time"); batch.len()];
        }
        if kind >= 10 && self.chaos.percent(50) {
            self.accept_all(batch);
        }
        match kind {
            0..5 => vec![Outcome::not_sent("refused"); batch.len()],
            10..15 => pending().await,
            _ => resume_unwind(Box::new("a bug in the provider's code")),
        }
    }

    /// An answer of some kind.
    async fn reply(&self, life: &Life, batch: &[Submission], kind: u64) -> Vec<Outcome> {
        if kind < 25 {
            // Around the worker's timeout: perhaps accepted, perhaps dropped.
            sleep(self.chaos.millis(3_000)).await;
        } else if kind < 28 {
            // The worker is killed while the answer is on its way.
            life.end();
        }
        let mut outcomes: Vec<Outcome> =
            batch.iter().map(|submission| self.answer(submission)).collect();
        match kind {
            28..31 => outcomes.truncate(batch.len() - 1),
            31..34 => outcomes.push(Outcome::rejected(1, "whose?")),
            _ => {}
        }
        outcomes
    }
}

/// Connection of one worker to the network; it ends with the worker's life.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) life: Arc<Life>,
    pub(super) network: Arc<Network>,
}

#[async_trait]
impl Provider for Connection {
    fn name(&self) -> &'static str {
        NAME
    }

    fn limits(&self) -> Limits {
        Limits::new(4, TIMEOUT)
    }

    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        if self.life.is_over() {
            pending::<()>().await;
        }
        if let Err(error) = self.network.check_recorded(batch).await {
            self.network.records(|records| records.violations.push(error.to_string()));
        }
        self.network.submit(&self.life, batch).await
    }

    fn receipts(&self) -> Option<&dyn Receipts> {
        self.network.reports.then_some(self)
    }

    fn account(&self) -> Option<&dyn Account> {
        self.network.has_account.then_some(self)
    }

    fn late(&self) -> Option<&dyn LateAnswers> {
        Some(self)
    }
}

#[async_trait]
impl LateAnswers for Connection {
    async fn next(&self) -> Vec<LateAnswer> {
        poll_fn(|context| match self.network.heard.lock().unwrap().poll_recv(context) {
            Poll::Ready(Some(answer)) if !self.life.is_over() => Poll::Ready(vec![answer]),
            // A worker that is killed gets no answer, and loses those that it got.
            _ => Poll::Pending,
        })
        .await
    }
}

#[async_trait]
impl Account for Connection {
    async fn check(&self) -> Result<()> {
        sleep(self.network.chaos.millis(300)).await;
        if self.network.chaos.fault(30) {
            Err(Error::unavailable("check", "injected"))
        } else {
            Ok(())
        }
    }

    async fn info(&self) -> Result<AccountInfo> {
        self.check().await.map(|()| AccountInfo::default())
    }
}

#[async_trait]
impl Receipts for Connection {
    fn polling(&self) -> Polling {
        let second = Duration::from_secs(1);
        Polling::new(second, 5 * second, 60 * second, 3)
    }

    async fn query(&self, ids: &[ProviderRef]) -> Result<Vec<Receipt>> {
        if self.life.is_over() {
            pending::<()>().await;
        }
        sleep(self.network.chaos.millis(1_000)).await;
        if self.network.chaos.fault(20) {
            return Err(Error::unavailable("query", "injected"));
        }
        let states = [ReceiptState::InTransit, ReceiptState::Delivered, ReceiptState::Undelivered];
        let mut receipts = Vec::new();
        for id in ids.iter().filter(|_| !self.network.chaos.fault(10)) {
            let state = states[usize::try_from(self.network.chaos.below(3)).unwrap()];
            receipts.push(Receipt::new(NAME, &id.provider_id, state));
        }
        Ok(receipts)
    }
}
