//! A provider that sends nothing.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::clock::{Clock, SystemClock, datetime_from_ms, duration_to_ms};
use crate::error::Result;
use crate::message::SandboxAction;
use crate::message::phone::PhoneNumber;
use crate::message::text::count;
use crate::message::translit::latin;
use crate::provider::money::Money;
use crate::provider::outcome::Outcome;
use crate::provider::receipt::{Receipt, ReceiptState};
use crate::provider::sandbox_id::{End, SandboxId};
use crate::provider::{
    Explanation, Limits, Polling, Price, PriceQuery, Prices, Provider, ProviderRef, Receipts,
    Submission,
};

/// The first of the numbers with an end of their own.
const FIRST_NUMBER: u64 = 79_760_000_001;
/// The ends of these numbers, in their order. The codes are those of sms.ru: the phone was not
/// reached in time, a wrong number, the service is not available.
const ENDS: [SandboxAction; 6] = [
    SandboxAction::Undelivered { code: 104 },
    SandboxAction::Fail { code: 202 },
    SandboxAction::Defer { code: 220 },
    SandboxAction::Lose,
    SandboxAction::Silent,
    SandboxAction::Delay { seconds: 30 },
];
/// The time after which a message that was refused for the time being is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
const REFUSED: &str = "refused by the sandbox, as it was asked to";
const LOST: &str = "the answer was lost by the sandbox, as it was asked to";
const UNDELIVERED: &str = "not delivered by the sandbox, as it was asked to";

/// Price of a part. Nothing is paid: it shows how costs look.
const PRICE: Money = Money::from_micros(1_000_000);

/// A [`Provider`] that accepts every message and reports it as delivered a moment later. Nothing
/// leaves the machine. It reports a cost of 1.00 for each part, which nobody pays.
///
/// A message with an [instruction](crate::message::SendOptions::sandbox) gets the end that this
/// asks for. Without one, six [numbers](Self::ends) have an end of their own.
///
/// It stores nothing. Its ids contain the time of acceptance, so that it can answer status queries
/// after a restart, too.
///
/// ```
/// use std::time::Duration;
///
/// use sms_core::{MemoryStore, Message, Sandbox, Sms, Status};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let sandbox = Sandbox::new().delay(Duration::from_millis(10));
/// let sms = Sms::open(MemoryStore::new(), sandbox).await?;
/// let id = sms.send(Message::new("+79251234567", "Код 1234")).await?;
/// let end = sms.wait(id, Duration::from_secs(10)).await?;
/// assert_eq!(end.state.status, Status::Delivered);
/// # Ok::<(), sms_core::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct Sandbox {
    clock: Arc<dyn Clock>,
    delay: Duration,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), delay: Duration::from_secs(1) }
    }
}

impl Sandbox {
    /// The name stored with sandbox messages.
    pub const NAME: &str = "sandbox";

    /// A sandbox that delivers after one second.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the time from acceptance to delivery. Defaults to a second.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sets the clock. Defaults to the system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The numbers with an end of their own, which a message without an instruction gets:
    /// +7 976 000-00-01 and the ones after it. The code 976 is given to no operator, so that none
    /// of them has a subscriber, whereas every check of Russian mobile numbers lets them through.
    pub fn ends() -> impl Iterator<Item = (PhoneNumber, SandboxAction)> {
        let numbers = (FIRST_NUMBER..).filter_map(PhoneNumber::from_digits);
        numbers.zip(ENDS)
    }

    fn outcome(&self, submission: &Submission) -> Outcome {
        let of_number = || Self::ends().find(|(number, _)| *number == submission.to);
        let action = submission.options.sandbox.or_else(|| Some(of_number()?.1));
        let end = match action.unwrap_or(SandboxAction::Deliver) {
            SandboxAction::Fail { code } => return Outcome::rejected(code, REFUSED),
            SandboxAction::Lose => return Outcome::unknown(LOST).isolated(true),
            SandboxAction::Defer { code } if submission.attempt == 1 => {
                return Outcome::deferred(code, REFUSED).retry_after(RETRY_AFTER);
            }
            SandboxAction::Deliver | SandboxAction::Defer { .. } => End::Delivered { seconds: 0 },
            SandboxAction::Delay { seconds } => End::Delivered { seconds },
            SandboxAction::Undelivered { code } => End::Undelivered { code },
            SandboxAction::Silent => End::Silent,
        };
        let parts = charged_parts(&submission.text, submission.options.translit);
        let id = SandboxId { accepted_ms: self.clock.now_ms(), parts, end };
        Outcome::accepted(id.to_string())
    }

    fn receipt(&self, provider_id: &str) -> Option<Receipt> {
        let SandboxId { accepted_ms, parts, end } = provider_id.parse().ok()?;
        let (delay, state) = match end {
            End::Delivered { seconds } => {
                (Duration::from_secs(seconds.into()), ReceiptState::Delivered)
            }
            End::Undelivered { .. } => (Duration::ZERO, ReceiptState::Undelivered),
            End::Silent => return None,
        };
        let end_ms = accepted_ms.saturating_add(duration_to_ms(self.delay.saturating_add(delay)));
        // A time in the future: the message was accepted before the clock was set back.
        if (accepted_ms..end_ms).contains(&self.clock.now_ms()) {
            return Some(Receipt::new(Self::NAME, provider_id, ReceiptState::InTransit));
        }
        let receipt = Receipt::new(Self::NAME, provider_id, state)
            .at(datetime_from_ms(end_ms))
            .cost(price_of(parts));
        Some(match end {
            End::Undelivered { code } => receipt.code(code, UNDELIVERED),
            _ => receipt,
        })
    }
}

#[async_trait]
impl Provider for Sandbox {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn limits(&self) -> Limits {
        Limits::new(100, Duration::from_secs(5))
    }

    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        batch.iter().map(|submission| self.outcome(submission)).collect()
    }

    fn receipts(&self) -> Option<&dyn Receipts> {
        Some(self)
    }

    fn prices(&self) -> Option<&dyn Prices> {
        Some(self)
    }

    /// Explains the codes of the numbers with an end of their own. Others come from rules, and
    /// mean what they mean at the provider that is tested.
    fn explain(&self, code: i32) -> Option<Explanation> {
        match code {
            104 => Some(Explanation::new(
                "not delivered: its lifetime is over",
                "Не доставлено: время жизни истекло",
            )),
            202 => Some(Explanation::new(
                "the recipient's number is wrong, or there is no route to it",
                "Неправильный номер получателя, или до него нет маршрута",
            )),
            220 => Some(Explanation::new(
                "the provider is temporarily unavailable",
                "Сервис провайдера временно недоступен",
            )),
            _ => None,
        }
    }
}

#[async_trait]
impl Receipts for Sandbox {
    fn polling(&self) -> Polling {
        Polling {
            first: self.delay,
            max: Duration::from_secs(10),
            give_up: Duration::from_hours(1),
            batch: 1000,
            costs: false,
        }
    }

    async fn query(&self, ids: &[ProviderRef]) -> Result<Vec<Receipt>> {
        Ok(ids.iter().filter_map(|id| self.receipt(&id.provider_id)).collect())
    }
}

#[async_trait]
impl Prices for Sandbox {
    async fn quote(&self, queries: &[PriceQuery]) -> Result<Vec<Price>> {
        let price = |query: &PriceQuery| {
            let parts = charged_parts(&query.text, query.translit);
            Price::known(price_of(parts), Some(parts.into()))
        };
        Ok(queries.iter().map(price).collect())
    }
}

fn charged_parts(text: &str, translit: bool) -> u32 {
    let text = if translit { latin(text) } else { Cow::Borrowed(text) };
    u32::try_from(count(&text).parts).unwrap_or(u32::MAX)
}

fn price_of(parts: u32) -> Money {
    Money::from_micros(PRICE.micros().saturating_mul(parts.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::message::MessageId;
    use crate::provider::outcome::OutcomeClass;

    const SECOND: Duration = Duration::from_secs(1);

    /// The first and the second outcome of a message to this number.
    async fn outcomes(
        sandbox: &Sandbox,
        to: &str,
        action: Option<SandboxAction>,
    ) -> (Outcome, Outcome) {
        let to = PhoneNumber::parse(to).unwrap();
        let mut submission = Submission::new(MessageId::new(), to, "hi");
        submission.options.sandbox = action;
        let first = sandbox.submit(std::slice::from_ref(&submission)).await.remove(0);
        submission.attempt = 2;
        (first, sandbox.submit(&[submission]).await.remove(0))
    }

    async fn receipt_of(sandbox: &Sandbox, outcome: Outcome) -> Option<Receipt> {
        let provider_id = outcome.provider_id.unwrap();
        let id = ProviderRef { provider: Sandbox::NAME.into(), provider_id };
        sandbox.query(&[id]).await.unwrap().pop()
    }

    #[tokio::test]
    async fn each_number_has_the_end_that_is_documented() {
        let clock = ManualClock::new(1_000);
        let sandbox = Sandbox::new().clock(clock.clone());
        let numbers: Vec<_> = Sandbox::ends().map(|(number, _)| number.to_string()).collect();
        let read = |number: &String| PhoneNumber::parse(number).unwrap().to_string();
        assert_eq!(numbers, numbers.iter().map(read).collect::<Vec<_>>(), "valid numbers");
        let of = async |number: &str| outcomes(&sandbox, number, None).await;

        let (undelivered, _) = of("+79760000001").await;
        let (refused, again) = of("+79760000002").await;
        let (deferred, accepted) = of("+79760000003").await;
        let (lost, lost_again) = of("+79760000004").await;
        let (silent, _) = of("+79760000005").await;
        let (delayed, _) = of("+79760000006").await;
        clock.advance(SECOND);
        let receipt = receipt_of(&sandbox, undelivered).await.unwrap();
        assert_eq!((receipt.state, receipt.code), (ReceiptState::Undelivered, Some(104)));
        for refused in [refused, again] {
            assert_eq!((refused.class, refused.code), (OutcomeClass::Rejected, Some(202)));
        }
        assert_eq!((deferred.class, deferred.code), (OutcomeClass::Deferred, Some(220)));
        let receipt = receipt_of(&sandbox, accepted).await.unwrap();
        assert_eq!((receipt.state, receipt.code), (ReceiptState::Delivered, None));
        for lost in [lost, lost_again] {
            assert_eq!((lost.class, lost.isolated), (OutcomeClass::Unknown, true));
        }
        assert_eq!(receipt_of(&sandbox, silent.clone()).await, None);
        let state = async |outcome| receipt_of(&sandbox, outcome).await.unwrap().state;
        assert_eq!(state(delayed.clone()).await, ReceiptState::InTransit);
        clock.advance(29 * SECOND);
        assert_eq!(state(delayed.clone()).await, ReceiptState::InTransit);
        clock.advance(SECOND);
        assert_eq!(state(delayed).await, ReceiptState::Delivered);
        assert_eq!(receipt_of(&sandbox, silent).await, None, "not even later");
        let (other, _) = of("+79760000007").await;
        assert_eq!(other.class, OutcomeClass::Accepted, "not one of them");
    }

    #[test]
    fn the_codes_of_the_numbers_have_a_meaning() {
        let sandbox = Sandbox::new();
        for (number, action) in Sandbox::ends() {
            if let SandboxAction::Undelivered { code }
            | SandboxAction::Fail { code }
            | SandboxAction::Defer { code } = action
            {
                assert!(sandbox.explain(code).is_some(), "{number}: {code}");
            }
        }
        assert_eq!(sandbox.explain(7), None);
    }

    #[tokio::test]
    async fn the_cost_is_told_with_the_end_and_is_the_price_of_all_parts() {
        let clock = ManualClock::new(1_000);
        let sandbox = Sandbox::new().clock(clock.clone());
        let to = PhoneNumber::parse("+79251234567").unwrap();
        let text = "я".repeat(100);
        let submission = Submission::new(MessageId::new(), to, text.as_str());
        let outcome = sandbox.submit(&[submission]).await.remove(0);
        assert_eq!(receipt_of(&sandbox, outcome.clone()).await.unwrap().cost, None);
        clock.advance(SECOND);
        let cost = receipt_of(&sandbox, outcome).await.unwrap().cost;
        assert_eq!(cost, Money::parse("2.00"));
        let queries =
            [PriceQuery::new(to, text), PriceQuery::new(to, "я".repeat(100)).translit(true)];
        let prices = sandbox.quote(&queries).await.unwrap();
        let known = |money, parts| Price::known(Money::parse(money).unwrap(), Some(parts));
        assert_eq!(prices, [known("2.00", 2), known("2.00", 2)]);
    }

    #[tokio::test]
    async fn an_instruction_wins_over_the_number() {
        let sandbox = Sandbox::new();
        let deliver = Some(SandboxAction::Deliver);
        let (first, _) = outcomes(&sandbox, "+79760000002", deliver).await;
        assert_eq!(first.class, OutcomeClass::Accepted);
        let fail = Some(SandboxAction::Fail { code: 7 });
        let (first, _) = outcomes(&sandbox, "+79251234567", fail).await;
        assert_eq!((first.class, first.code), (OutcomeClass::Rejected, Some(7)));
    }

    #[tokio::test]
    async fn a_message_accepted_before_the_clock_was_set_back_is_delivered() {
        let clock = ManualClock::new(10_000_000);
        let sandbox = Sandbox::new().clock(clock.clone());
        let to = PhoneNumber::parse("+79251234567").unwrap();
        let outcomes = sandbox.submit(&[Submission::new(MessageId::new(), to, "hi")]).await;
        clock.set_back(Duration::from_hours(1));
        let provider_id = outcomes[0].provider_id.clone().unwrap();
        let receipts = sandbox
            .query(&[ProviderRef { provider: Sandbox::NAME.into(), provider_id }])
            .await
            .unwrap();
        assert_eq!(receipts[0].state, ReceiptState::Delivered);
    }

    #[tokio::test]
    async fn a_message_is_delivered_after_the_delay_and_not_before() {
        let clock = ManualClock::new(1_000);
        let sandbox = Sandbox::new().clock(clock.clone());
        let to = PhoneNumber::parse("+79251234567").unwrap();
        let outcomes = sandbox.submit(&[Submission::new(MessageId::new(), to, "hi")]).await;
        let provider_id = outcomes[0].provider_id.clone().unwrap();
        let ids = [ProviderRef { provider: Sandbox::NAME.into(), provider_id }];
        let mut states = Vec::new();
        for _ in 0..2 {
            states.push(sandbox.query(&ids).await.unwrap()[0].state);
            clock.advance(Duration::from_secs(1));
        }
        assert_eq!(states, [ReceiptState::InTransit, ReceiptState::Delivered]);
    }
}
