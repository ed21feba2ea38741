//! The provider.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sms_core::{Limits, MessageId, Outcome, OutcomeClass, Provider, Result, Submission, async_trait};
use tokio::task::JoinSet;

use crate::code::{self, Level};
use crate::config::SmsRuConfig;
use crate::http::{Answer, Http};
use crate::wire::{reply, request};

/// What a call may take beyond its requests, which end by themselves: to divide, read and compare.
const MARGIN: Duration = Duration::from_secs(1);
/// How many messages are remembered as better sent alone. Forgetting one costs another refusal of its request.
const MOST_APART: usize = 10_000;

/// An account at sms.ru, as a [`Provider`].
pub struct SmsRu {
    config: SmsRuConfig,
    http: Http,
    apart: Mutex<HashSet<MessageId>>,
}

impl SmsRu {
    /// The account of this configuration. Connects to nothing yet.
    ///
    /// # Errors
    ///
    /// [`Config`](sms_core::ErrorKind::Config) when a part of the configuration is wrong.
    pub fn new(config: SmsRuConfig) -> Result<Self> {
        let http = Http::new(&config)?;
        Ok(Self { config, http, apart: Mutex::default() })
    }

    /// The account of an address of the form `smsru://API_ID@sms.ru?from=Acme`.
    ///
    /// # Errors
    ///
    /// [`Config`](sms_core::ErrorKind::Config), in words that name the part that is wrong and hold no value of it.
    pub fn from_url(url: &str) -> Result<Self> {
        Self::new(SmsRuConfig::from_url(url)?)
    }

    /// Divides a batch into requests, each a list of indices.
    fn groups(&self, batch: &[Submission]) -> Vec<Vec<usize>> {
        let mut apart = self.apart.lock().unwrap_or_else(PoisonError::into_inner);
        let groups = request::group(batch, &self.config, |id| apart.contains(id));
        for submission in batch {
            apart.remove(&submission.id);
        }
        groups
    }

    /// Takes the answer to one request to the outcomes of its messages.
    fn read(&self, answer: Answer, messages: &[&Submission]) -> Vec<Outcome> {
        let (status, body) = match answer {
            Answer::Reply { status, body } => (status, body),
            Answer::Fault(outcome) => return vec![outcome; messages.len()],
        };
        let reading = reply::read(status, &body, messages, &self.config.credentials);
        if reading.apart {
            let mut apart = self.apart.lock().unwrap_or_else(PoisonError::into_inner);
            if apart.len() + messages.len() > MOST_APART {
                apart.clear();
            }
            apart.extend(messages.iter().map(|message| message.id));
        }
        reading.outcomes
    }
}

#[async_trait]
impl Provider for SmsRu {
    fn name(&self) -> &'static str {
        "smsru"
    }

    fn limits(&self) -> Limits {
        Limits::new(self.config.batch, self.config.timeout + MARGIN)
    }

    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        // All at once: one after the other they would take the timeout of each.
        let mut calls = JoinSet::new();
        for group in self.groups(batch) {
            let messages: Vec<&Submission> = group.iter().map(|index| &batch[*index]).collect();
            let (http, form) = (self.http.clone(), request::form(&messages, &self.config));
            calls.spawn(async move { (group, http.post(request::METHOD, form).await) });
        }
        let mut outcomes = vec![Outcome::unknown("the code that sends failed during the call"); batch.len()];
        while let Some(call) = calls.join_next().await {
            // A panic there leaves its messages unknown, and those of the other requests with their outcomes.
            let Ok((group, answer)) = call else { continue };
            let messages: Vec<&Submission> = group.iter().map(|index| &batch[*index]).collect();
            for (index, outcome) in group.iter().zip(self.read(answer, &messages)) {
                outcomes[*index] = outcome;
            }
        }
        warn_of_new_codes(&outcomes);
        withdraw_shared_ids(&mut outcomes);
        outcomes
    }
}

impl fmt::Debug for SmsRu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmsRu").field("config", &self.config).finish_non_exhaustive()
    }
}

fn warn_of_new_codes(outcomes: &[Outcome]) {
    let known = |code: i32| code == 100 || code::of_sending(code, Level::Recipient).is_some();
    let new: HashSet<i32> =
        outcomes.iter().filter_map(|outcome| outcome.code).filter(|code| !known(*code)).collect();
    for code in new {
        tracing::warn!(code, "sms.ru gave a code that this version does not know");
    }
}

/// An id under which two messages were accepted follows neither: receipts would be about one or the other.
fn withdraw_shared_ids(outcomes: &mut [Outcome]) {
    let mut seen = HashSet::new();
    let ids = outcomes.iter().filter_map(|outcome| outcome.provider_id.clone());
    let shared: HashSet<String> = ids.filter(|id| !seen.insert(id.clone())).collect();
    for outcome in outcomes.iter_mut().filter(|outcome| outcome.class == OutcomeClass::Accepted) {
        if outcome.provider_id.as_ref().is_some_and(|id| shared.contains(id)) {
            outcome.provider_id = None;
            outcome.text =
                Some("accepted under the id of another message, so its delivery cannot be followed".into());
        }
    }
}
