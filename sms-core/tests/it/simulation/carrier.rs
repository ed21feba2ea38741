//! The provider of the simulation: whatever a provider can do, it does, and it keeps the book of
//! what it accepted.

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
    /// The truth, for the check that an attempt is recorded before it is made.
    store: Arc<MemoryStore>,
    book: Mutex<Book>,
    /// Answers that are too late for `submit`, and where they come out.
    late: mpsc::UnboundedSender<LateAnswer>,
    heard: Mutex<mpsc::UnboundedReceiver<LateAnswer>>,
    reports: bool,
    has_account: bool,
}

/// What the network saw.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// How often each message was accepted.
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
        Arc::new(Self { chaos, store, book: Mutex::default(), late, heard, reports, has_account })
    }

    pub(super) fn book<T>(&self, read: impl FnOnce(&mut Book) -> T) -> T {
        read(&mut self.book.lock().unwrap())
    }

    /// G2: the attempt is on record, and each recorded attempt is made once at most.
    async fn check_recorded(&self, batch: &[Submission]) -> Result<()> {
        for Submission { id, .. } in batch {
            let state = self.store.get(&MessageRequest::new(*id)).await?.map(|stored| stored.state);
            self.book(|book| {
                let before = book.fences.get(id).copied().unwrap_or(0);
                let Some(state) = state else {
                    return book.violations.push(format!("G2: {id} is not stored"));
                };
                // A resend runs on, although the late acceptance of the first attempt has just
                // lifted the message.
                let lifted = state.resends > 0 && state.status != Status::Queued;
                if (state.status != Status::Sending && !lifted) || state.fence <= before {
                    let (status, fence) = (state.status, state.fence);
                    book.violations.push(format!(
                        "G2: {id} submitted while {status}, attempt {fence} after {before}"
                    ));
                }
                book.fences.insert(*id, state.fence);
            });
        }
        Ok(())
    }

    fn accept(&self, submission: &Submission) -> Outcome {
        let times = self.book(|book| {
            let times = book.accepted.entry(submission.id).or_default();
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
        self.book(|book| {
            if chaos.fault(3) {
                book.blocked_until = Some((Instant::now() + chaos.millis(15_000)).min(chaos.until));
            }
            book.blocked_until.is_some_and(|until| Instant::now() < until)
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

    /// Answers, but later than anybody waits for it.
    fn answer_late(self: &Arc<Self>, batch: &[Submission]) {
        let (network, batch, started) = (Arc::clone(self), batch.to_vec(), Instant::now());
        tokio::spawn(async move {
            sleep(network.chaos.millis(20_000)).await;
            for submission in batch {
                let (outcome, took) = (network.answer(&submission), started.elapsed());
                let answer =
                    LateAnswer { id: submission.id, attempt: submission.attempt, outcome, took };
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
            _ => resume_unwind(Box::new("a defect in the provider's code")),
        }
    }

    /// An answer of some kind.
    async fn reply(&self, life: &Life, batch: &[Submission], kind: u64) -> Vec<Outcome> {
        if kind < 25 {
            // Around the worker's timeout: perhaps accepted, perhaps dropped.
            sleep(self.chaos.millis(3_000)).await;
        } else if kind < 28 {
            // Killed just when the answer was on its way.
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

/// One worker's line to the network; it hangs up with the worker's life.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) life: Arc<Life>,
    pub(super) network: Arc<Network>,
}

#[async_trait]
impl Provider for Line {
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
            self.network.book(|book| book.violations.push(error.to_string()));
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
impl LateAnswers for Line {
    async fn next(&self) -> Vec<LateAnswer> {
        poll_fn(|context| match self.network.heard.lock().unwrap().poll_recv(context) {
            Poll::Ready(Some(answer)) if !self.life.is_over() => Poll::Ready(vec![answer]),
            // The dead hear nothing, and what they heard is lost.
            _ => Poll::Pending,
        })
        .await
    }
}

#[async_trait]
impl Account for Line {
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
impl Receipts for Line {
    fn polling(&self) -> Polling {
        let second = Duration::from_secs(1);
        Polling { first: second, max: 5 * second, give_up: 60 * second, batch: 3 }
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
