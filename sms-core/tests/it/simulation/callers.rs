//! Callers that send messages: some give up waiting, repeat a message, or cancel it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sms_core::clock::datetime_from_ms;
use sms_core::store::{CancelRequest, Resolution, ResolveRequest};
use sms_core::{
    Class, Clock, ErrorKind, MemoryStore, Message, MessageId, OnUnknown, Sender, Store,
};
use tokio::time::{sleep, timeout};

use super::chaos::Chaos;
use crate::support::{Faulty, TokioClock};

/// Results that the callers got.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) accepted: Vec<MessageId>,
    pub(super) by_key: HashMap<String, MessageId>,
    pub(super) violations: Vec<String>,
}

pub(super) struct Callers {
    pub(super) chaos: Arc<Chaos>,
    pub(super) clock: Arc<TokioClock>,
    pub(super) sender: Sender,
    pub(super) store: Arc<Faulty<MemoryStore>>,
    pub(super) told: Mutex<Told>,
}

impl Callers {
    /// One caller: sends, repeats under the same key, and may cancel or resolve later.
    pub(super) async fn call(self: Arc<Self>, number: u64) {
        sleep(self.chaos.millis(20_000)).await;
        let mut message = message_of(number);
        let mut key = None;
        if self.chaos.percent(15) {
            message = message.send_at(datetime_from_ms(self.clock.now_ms() + 15_000));
        } else if !number.is_multiple_of(3) {
            message = message.key(key.insert(format!("key-{number}")).as_str());
        }
        let Some(id) = self.send(&message, key.as_deref()).await else {
            return;
        };
        if self.chaos.percent(8) {
            sleep(self.chaos.millis(10_000)).await;
            self.cancel(id).await;
        }
        if self.chaos.percent(10) {
            sleep(self.chaos.millis(60_000)).await;
            self.resolve(id).await;
        }
    }

    async fn send(&self, message: &Message, key: Option<&str>) -> Option<MessageId> {
        loop {
            let patience = if self.chaos.fault(20) {
                self.chaos.millis(1_000)
            } else {
                Duration::from_mins(5)
            };
            match timeout(patience, self.sender.send(message.clone())).await {
                Ok(Ok(id)) => {
                    self.remember(id, key);
                    return Some(id);
                }
                Ok(Err(error)) if error.kind() != ErrorKind::Unavailable => {
                    self.told.lock().unwrap().violations.push(format!("send: {error}"));
                    return None;
                }
                // It is not known whether it is stored: only a key makes a repeat safe.
                _ if key.is_none() => return None,
                _ => sleep(self.chaos.millis(2_000)).await,
            }
        }
    }

    fn remember(&self, id: MessageId, key: Option<&str>) {
        let mut told = self.told.lock().unwrap();
        told.accepted.push(id);
        let Some(key) = key else { return };
        let first = *told.by_key.entry(key.to_owned()).or_insert(id);
        if first != id {
            told.violations.push(format!("G5: {key} is {first} and {id}"));
        }
    }

    async fn cancel(&self, id: MessageId) {
        let request = CancelRequest::new(id, "caller".to_owned());
        // It may be too late, or fail: both are allowed.
        let _ = self.store.cancel(request).await;
    }

    async fn resolve(&self, id: MessageId) {
        let resolution = if self.chaos.percent(70) {
            Resolution::Resend
        } else {
            Resolution::Sent { provider_id: None }
        };
        let (by, reason) = ("operator".to_owned(), "the customer called".to_owned());
        let _ = self.store.resolve(ResolveRequest::new(id, resolution, by, reason)).await;
    }
}

/// A message of any kind; the content depends on the number alone, so that two callers may share a
/// key.
fn message_of(number: u64) -> Message {
    let message = Message::new("+79251234567", format!("message {number}"));
    let message = match number % 10 {
        0..3 => message.class(Class::Otp),
        3..7 => message.on_unknown(OnUnknown::Hold),
        7..9 => message.on_unknown(OnUnknown::ResendOnce),
        _ => message.class(Class::Marketing),
    };
    let message = if number % 5 == 4 { message.deadline(Duration::from_secs(20)) } else { message };
    message.max_attempts(1 + u32::try_from(number % 4).unwrap())
}
