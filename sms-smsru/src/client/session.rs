//! The line to sms.ru and what is remembered of what was said on it: shared by a call and those who
//! still listen after it.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sms_core::{MessageId, Outcome, OutcomeClass, Result, Submission};

use crate::client::block::Blocked;
use crate::client::http::{Answer, Http};
use crate::code::{self, Level};
use crate::config::SmsRuConfig;
use crate::wire::send_reply::{self as reply, Reading};
use crate::wire::send_request::Recipient;

/// How many messages are remembered as better sent alone. Forgetting one costs another refusal of
/// its request.
const MOST_APART: usize = 10_000;

pub(crate) struct Line {
    pub(crate) config: SmsRuConfig,
    pub(crate) http: Http,
    apart: Mutex<HashSet<MessageId>>,
    /// Why the account was refused last, until a message is accepted.
    blocked: Mutex<Option<Blocked>>,
}

impl Line {
    pub(crate) fn new(config: SmsRuConfig) -> Result<Self> {
        let http = Http::new(&config)?;
        Ok(Self { config, http, apart: Mutex::default(), blocked: Mutex::default() })
    }

    /// The messages that had better go alone.
    pub(crate) fn apart(&self) -> MutexGuard<'_, HashSet<MessageId>> {
        lock(&self.apart)
    }

    /// Takes the answer to one request of a batch to the outcomes of its messages.
    pub(crate) fn read(&self, answer: Answer, messages: &[&Submission]) -> Vec<Outcome> {
        let recipients: Vec<Recipient<'_>> =
            messages.iter().map(|message| (*message).into()).collect();
        let reading = self.outcomes(answer, &recipients);
        if reading.apart {
            let mut apart = self.apart();
            if apart.len() + messages.len() > MOST_APART {
                apart.clear();
            }
            apart.extend(messages.iter().map(|message| message.id));
        }
        let options = messages.first().map(|first| (first.from.as_deref(), first.options.translit));
        let (from, translit) = options.unwrap_or_default();
        self.remember(&reading.outcomes, &recipients, from, translit);
        reading.outcomes
    }

    /// What an answer says of the messages and the account.
    pub(crate) fn outcomes(&self, answer: Answer, recipients: &[Recipient<'_>]) -> Reading {
        let mut reading = match answer {
            Answer::Reply { status, body } => reply::read(status, &body, recipients, &self.config),
            Answer::Fault(outcome) => {
                Reading { outcomes: vec![outcome; recipients.len()], apart: false, balance: None }
            }
        };
        warn_of_new_codes(&reading.outcomes);
        withdraw_shared_ids(&mut reading.outcomes);
        reading
    }

    /// Remembers why the account was refused, or that it no longer is.
    pub(crate) fn remember(
        &self,
        outcomes: &[Outcome],
        recipients: &[Recipient<'_>],
        from: Option<&str>,
        translit: bool,
    ) {
        let refused =
            outcomes.iter().zip(recipients).rfind(|(one, _)| one.class == OutcomeClass::Blocked);
        if let Some((outcome, recipient)) = refused {
            *lock(&self.blocked) = Some(Blocked::new(outcome.code, *recipient, from, translit));
        } else if outcomes.iter().any(|outcome| outcome.class == OutcomeClass::Accepted) {
            *lock(&self.blocked) = None;
        }
    }

    /// Why the account was refused last.
    pub(crate) fn blocked(&self) -> Option<Blocked> {
        lock(&self.blocked).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn warn_of_new_codes(outcomes: &[Outcome]) {
    let known = |code: i32| code == 100 || code::of_sending(code, Level::Recipient).is_some();
    let new: HashSet<i32> =
        outcomes.iter().filter_map(|outcome| outcome.code).filter(|code| !known(*code)).collect();
    for code in new {
        tracing::warn!(code, "sms.ru gave a code that this version does not know");
    }
}

/// An id under which two messages were accepted follows neither: receipts would be about one or the
/// other.
pub(crate) fn withdraw_shared_ids(outcomes: &mut [Outcome]) {
    let mut seen = HashSet::new();
    let ids = outcomes.iter().filter_map(|outcome| outcome.provider_id.clone());
    let shared: HashSet<String> = ids.filter(|id| !seen.insert(id.clone())).collect();
    for outcome in outcomes.iter_mut().filter(|outcome| outcome.class == OutcomeClass::Accepted) {
        if outcome.provider_id.as_ref().is_some_and(|id| shared.contains(id)) {
            outcome.provider_id = None;
            outcome.text = Some(
                "accepted under the id of another message, so its delivery cannot be followed"
                    .into(),
            );
        }
    }
}
