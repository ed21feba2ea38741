//! A provider with every ability. It delivers everything to nobody.

use std::num::NonZeroU32;
use std::time::Duration;

use sms_core::provider::{Polling, ProviderRef};
use sms_core::{
    Account, AccountInfo, Callback, CallbackRefusal, CallbackReply, CallbackRequest, Callbacks,
    Explanation, IncomingReceipts, LateAnswer, LateAnswers, Limits, Outcome, PhoneNumber, Provider,
    Receipt, ReceiptState, Receipts, Result, Submission, async_trait,
};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const NAME: &str = "outside";
/// Code of a refusal.
const BAD_NUMBER: i32 = 202;
/// Calls per second.
const RATE: NonZeroU32 = NonZeroU32::new(500).expect("not zero");

/// A provider that accepts every message and reports it delivered. A message with the text
/// [`LATE`](Self::LATE) gets its answer too late, and a message to [`REFUSED`](Self::REFUSED) is
/// refused.
#[derive(Debug)]
pub struct OutsideProvider {
    late: UnboundedSender<LateAnswer>,
    answers: Mutex<UnboundedReceiver<LateAnswer>>,
    delivered: UnboundedSender<Receipt>,
    arrived: Mutex<UnboundedReceiver<Receipt>>,
}

impl OutsideProvider {
    /// A number that is refused.
    pub const REFUSED: PhoneNumber = PhoneNumber::from_digits(79_250_000_000).expect("a number");

    /// A text with a late answer.
    pub const LATE: &str = "late";

    /// A provider with no late answers yet.
    pub fn new() -> Self {
        let (late, answers) = unbounded_channel();
        let (delivered, arrived) = unbounded_channel();
        Self { late, answers: Mutex::new(answers), delivered, arrived: Mutex::new(arrived) }
    }

    fn answer(&self, submission: &Submission) -> Outcome {
        if submission.to == Self::REFUSED {
            return Outcome::rejected(BAD_NUMBER, "bad number");
        }
        let id = format!("outside-{}", submission.id);
        // The receivers belong to the same value, so that they cannot be closed.
        let _ = self.delivered.send(Receipt::new(NAME, &id, ReceiptState::Delivered));
        let accepted = Outcome::accepted(id).code(100);
        if submission.text != Self::LATE {
            return accepted;
        }
        let answer =
            LateAnswer::new(submission.id, submission.attempt, accepted, Duration::from_secs(6));
        let _ = self.late.send(answer);
        Outcome::unknown("timeout")
    }
}

impl Default for OutsideProvider {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Provider for OutsideProvider {
    fn name(&self) -> &'static str {
        NAME
    }

    fn limits(&self) -> Limits {
        Limits::new(10, Duration::from_secs(5)).calls_per_second(RATE)
    }

    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        batch.iter().map(|submission| self.answer(submission)).collect()
    }

    fn receipts(&self) -> Option<&dyn Receipts> {
        Some(self)
    }

    fn incoming(&self) -> Option<&dyn IncomingReceipts> {
        Some(self)
    }

    fn callbacks(&self) -> Option<&dyn Callbacks> {
        Some(self)
    }

    fn account(&self) -> Option<&dyn Account> {
        Some(self)
    }

    fn explain(&self, code: i32) -> Option<Explanation> {
        let explanation = Explanation::new("The number is wrong.", "Неверный номер.");
        (code == BAD_NUMBER).then_some(explanation)
    }

    fn late(&self) -> Option<&dyn LateAnswers> {
        Some(self)
    }
}

#[async_trait]
impl Receipts for OutsideProvider {
    fn polling(&self) -> Polling {
        Polling::new(Duration::from_secs(5), Duration::from_mins(1), Duration::from_hours(24), 100)
    }

    async fn query(&self, ids: &[ProviderRef]) -> Result<Vec<Receipt>> {
        let known = ids.iter().filter(|id| id.provider_id.starts_with("outside-"));
        let receipt = |id: &ProviderRef| {
            Receipt::new(NAME, &id.provider_id, ReceiptState::Delivered).code(103, "delivered")
        };
        Ok(known.map(receipt).collect())
    }
}

#[async_trait]
impl Account for OutsideProvider {
    async fn check(&self) -> Result<()> {
        Ok(())
    }

    fn covers(&self, code: i32) -> bool {
        code == BAD_NUMBER
    }

    async fn info(&self) -> Result<AccountInfo> {
        let mut info = AccountInfo::default();
        info.daily_limit = Some(1_000);
        info.used_today = Some(1);
        info.senders = vec!["Acme".to_owned()];
        Ok(info)
    }
}

#[async_trait]
impl LateAnswers for OutsideProvider {
    async fn next(&self) -> Vec<LateAnswer> {
        self.answers.lock().await.recv().await.into_iter().collect()
    }
}

#[async_trait]
impl IncomingReceipts for OutsideProvider {
    async fn next(&self) -> Vec<Receipt> {
        self.arrived.lock().await.recv().await.into_iter().collect()
    }
}

/// A callback is `delivered ` and a provider id, with the signature `outside` in a header.
#[async_trait]
impl Callbacks for OutsideProvider {
    fn read(&self, request: &CallbackRequest<'_>) -> Result<Callback, CallbackRefusal> {
        if request.header("x-signature") != Some(b"outside") {
            return Err(CallbackRefusal::not_genuine("no signature"));
        }
        let body = std::str::from_utf8(request.body).map_err(CallbackRefusal::unreadable)?;
        let id = body
            .strip_prefix("delivered ")
            .ok_or_else(|| CallbackRefusal::unreadable("not a report"))?;
        let receipt = Receipt::new(NAME, id, ReceiptState::Delivered);
        Ok(Callback::new(vec![receipt], CallbackReply::new("").status(204)))
    }

    async fn registered(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn register(&self, url: &str) -> Result<Vec<String>> {
        Ok(vec![url.to_owned()])
    }

    async fn unregister(&self, _: &str) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}
