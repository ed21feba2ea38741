//! The state between requests of `sms/send`: messages to send alone, and the last refusal of the
//! account.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sms_core::{MessageId, Outcome, OutcomeClass, Result, Submission};

use crate::client::api_client::ApiClient;
use crate::client::block::AccountBlock;
use crate::client::http::HttpReply;
use crate::code::{self, Level};
use crate::config::SmsRuConfig;
use crate::wire::send_reply::{self, SendReply};
use crate::wire::send_request::Recipient;

/// The maximum of ids in [`Session::send_alone`]. A forgotten id costs one more refused request.
const MAX_SEND_ALONE: usize = 10_000;

/// A client and its memory of earlier replies. Calls and late replies share it.
pub(crate) struct Session {
    pub(crate) client: ApiClient,
    send_alone: Mutex<HashSet<MessageId>>,
    /// The last refusal of the account, until a message is accepted.
    block: Mutex<Option<AccountBlock>>,
}

impl Session {
    pub(crate) fn new(config: SmsRuConfig) -> Result<Self> {
        let client = ApiClient::new(config)?;
        Ok(Self { client, send_alone: Mutex::default(), block: Mutex::default() })
    }

    pub(crate) fn config(&self) -> &SmsRuConfig {
        self.client.config()
    }

    /// Returns the ids of the messages that need a separate request.
    pub(crate) fn send_alone(&self) -> MutexGuard<'_, HashSet<MessageId>> {
        lock(&self.send_alone)
    }

    /// Reads the reply to one request of a worker, one outcome per message, and remembers what it
    /// says about the account and the messages.
    pub(crate) fn read(
        &self,
        reply: Result<HttpReply, Outcome>,
        messages: &[&Submission],
    ) -> Vec<Outcome> {
        let recipients: Vec<Recipient<'_>> =
            messages.iter().map(|message| (*message).into()).collect();
        let options = messages.first().map(|first| (first.from.as_deref(), first.options.translit));
        let (from, translit) = options.unwrap_or_default();
        let reply = self.read_recipients(reply, &recipients, from, translit);
        if reply.send_alone {
            let mut send_alone = self.send_alone();
            if send_alone.len() + messages.len() > MAX_SEND_ALONE {
                send_alone.clear();
            }
            send_alone.extend(messages.iter().map(|message| message.id));
        }
        reply.outcomes
    }

    /// Reads the reply to a request and remembers what it says about the account. `from` and
    /// `translit` are those of the request.
    pub(crate) fn read_recipients(
        &self,
        reply: Result<HttpReply, Outcome>,
        recipients: &[Recipient<'_>],
        from: Option<&str>,
        translit: bool,
    ) -> SendReply {
        let mut reply = match reply {
            Ok(HttpReply { status, body }) => {
                send_reply::read(status, &body, recipients, self.config())
            }
            Err(failure) => SendReply {
                outcomes: vec![failure; recipients.len()],
                send_alone: false,
                balance: None,
            },
        };
        warn_about_unknown_codes(&reply.outcomes);
        withdraw_shared_ids(&mut reply.outcomes);
        self.remember_block(&reply.outcomes, recipients, from, translit);
        reply
    }

    fn remember_block(
        &self,
        outcomes: &[Outcome],
        recipients: &[Recipient<'_>],
        from: Option<&str>,
        translit: bool,
    ) {
        let refused =
            outcomes.iter().zip(recipients).rfind(|(one, _)| one.class == OutcomeClass::Blocked);
        if let Some((outcome, recipient)) = refused {
            *lock(&self.block) = Some(AccountBlock::new(outcome.code, *recipient, from, translit));
        } else if outcomes.iter().any(|outcome| outcome.class == OutcomeClass::Accepted) {
            *lock(&self.block) = None;
        }
    }

    /// Returns the last refusal of the account, if no message was accepted after it.
    pub(crate) fn block(&self) -> Option<AccountBlock> {
        lock(&self.block).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn warn_about_unknown_codes(outcomes: &[Outcome]) {
    let is_known = |code: i32| code == 100 || code::send_refusal(code, Level::Recipient).is_some();
    let codes = outcomes.iter().filter_map(|outcome| outcome.code);
    let unknown: HashSet<i32> = codes.filter(|code| !is_known(*code)).collect();
    for code in unknown {
        tracing::warn!(code, "sms.ru replied with an unknown code");
    }
}

/// Removes the id of messages that were accepted under the same id. A receipt with that id could be
/// about any of them.
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
