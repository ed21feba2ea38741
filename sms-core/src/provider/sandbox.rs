//! A provider that sends nothing.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::clock::{Clock, SystemClock, datetime_from_ms, duration_to_ms};
use crate::error::Result;
use crate::message::MessageId;
use crate::provider::outcome::Outcome;
use crate::provider::receipt::{Receipt, ReceiptState};
use crate::provider::{Limits, Polling, Provider, ProviderRef, Receipts, Submission};

/// A [`Provider`] that accepts every message and reports it as delivered a moment later. Nothing
/// leaves the machine.
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

    fn receipt(&self, provider_id: &str) -> Option<Receipt> {
        let (accepted_ms, _) = provider_id.split_once('-')?;
        let accepted_ms = accepted_ms.parse::<i64>().ok()?;
        let delivered_ms = accepted_ms.saturating_add(duration_to_ms(self.delay));
        // A time in the future: the message was accepted before the clock was set back.
        let delivered = !(accepted_ms..delivered_ms).contains(&self.clock.now_ms());
        let state = if delivered { ReceiptState::Delivered } else { ReceiptState::InTransit };
        let at = delivered.then(|| datetime_from_ms(delivered_ms));
        Some(Receipt { at, ..Receipt::new(Self::NAME, provider_id, state) })
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
        let now = self.clock.now_ms();
        batch.iter().map(|_| Outcome::accepted(format!("{now}-{}", MessageId::new()))).collect()
    }

    fn receipts(&self) -> Option<&dyn Receipts> {
        Some(self)
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
        }
    }

    async fn query(&self, ids: &[ProviderRef]) -> Result<Vec<Receipt>> {
        Ok(ids.iter().filter_map(|id| self.receipt(&id.provider_id)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::message::phone::PhoneNumber;

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
