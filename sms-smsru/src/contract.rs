//! The traits of `sms-core` for [`SmsRu`].

use std::collections::HashSet;
use std::time::Duration;

use sms_core::provider::{Polling, ProviderRef};
use sms_core::{
    Account, AccountInfo, Callback, CallbackRefusal, CallbackReply, CallbackRequest, Callbacks,
    Explanation, LateAnswers, Limits, Outcome, Prices, Provider, Receipt, Receipts, Result,
    Submission, async_trait,
};

use crate::callback::error::CallbackError;
use crate::callback::reader::CONFIRMATION;
use crate::callback::record::Record;
use crate::code::{self, Level, Meaning};
use crate::config::{MAX_BATCH, MAX_POLL_INTERVAL};
use crate::error::{config_error, missing_value};
use crate::methods::status::MessageStatus;
use crate::methods::{callback, status};
use crate::receipt::{PROVIDER_NAME, receipt};
use crate::smsru::SmsRu;
use crate::submit::{account_check, batch};
use crate::wire::id::is_message_id;

/// The time a `submit` can take in addition to its requests, to divide the batch and to read the
/// replies.
const SUBMIT_MARGIN: Duration = Duration::from_secs(1);
/// The age of a message at which status queries end. sms.ru repeats callbacks for five days, but a
/// status that is not known after three days is not expected any more.
const GIVE_UP: Duration = Duration::from_hours(72);

#[async_trait]
impl Provider for SmsRu {
    fn name(&self) -> &'static str {
        PROVIDER_NAME
    }

    fn limits(&self) -> Limits {
        let config = self.session().config();
        Limits::new(config.batch, config.timeout + SUBMIT_MARGIN)
    }

    async fn submit(&self, messages: &[Submission]) -> Vec<Outcome> {
        batch::submit(self.session(), self.late_replies(), messages).await
    }

    fn receipts(&self) -> Option<&dyn Receipts> {
        Some(self)
    }

    fn callbacks(&self) -> Option<&dyn Callbacks> {
        Some(self)
    }

    fn account(&self) -> Option<&dyn Account> {
        Some(self)
    }

    fn prices(&self) -> Option<&dyn Prices> {
        Some(self)
    }

    fn explain(&self, code: i32) -> Option<Explanation> {
        code::explain(code)
    }

    fn late(&self) -> Option<&dyn LateAnswers> {
        (!self.session().config().late.is_zero()).then_some(self.late_replies())
    }
}

#[async_trait]
impl Receipts for SmsRu {
    fn polling(&self) -> Polling {
        let config = self.session().config();
        Polling::new(config.poll_first, MAX_POLL_INTERVAL, GIVE_UP, MAX_BATCH).costs(config.costs)
    }

    async fn query(&self, ids: &[ProviderRef]) -> Result<Vec<Receipt>> {
        let mut seen = HashSet::new();
        let ids = ids.iter().map(|id| &*id.provider_id);
        let ids: Vec<&str> = ids.filter(|id| is_message_id(id) && seen.insert(*id)).collect();
        let mut receipts = Vec::new();
        for ids in ids.chunks(MAX_BATCH) {
            let statuses = status::status(self.client(), ids).await?;
            let known = statuses.into_iter().filter(|status| status.state.is_some());
            let read =
                |status: MessageStatus| Some(receipt(&status.id, status.code)?.cost(status.cost));
            receipts.extend(known.filter_map(read));
        }
        Ok(receipts)
    }
}

#[async_trait]
impl Callbacks for SmsRu {
    fn can_verify(&self) -> Result<()> {
        let missing = || {
            config_error(
                "with a login, callbacks need the api_id: add callback_api_id to the provider's \
                 address",
            )
        };
        self.callback_reader().map(|_| ()).ok_or_else(missing)
    }

    fn read(&self, request: &CallbackRequest<'_>) -> Result<Callback, CallbackRefusal> {
        let Some(reader) = self.callback_reader() else {
            return Err(CallbackRefusal::not_genuine("there is no api_id to verify it with"));
        };
        let records = reader.read(request.body).map_err(refusal)?;
        let receipts = records.iter().filter_map(Record::receipt);
        let costs = self.session().config().costs;
        let receipts = receipts.map(|receipt| receipt.cost_later(costs)).collect();
        Ok(Callback::new(receipts, CallbackReply::new(CONFIRMATION)))
    }

    async fn registered(&self) -> Result<Vec<String>> {
        callback::get(self.client()).await
    }

    async fn register(&self, url: &str) -> Result<Vec<String>> {
        callback::add(self.client(), url).await
    }

    async fn unregister(&self, url: &str) -> Result<Vec<String>> {
        callback::del(self.client(), url).await
    }
}

fn refusal(error: CallbackError) -> CallbackRefusal {
    match error {
        CallbackError::NoHash | CallbackError::WrongHash => CallbackRefusal::not_genuine(error),
        _ => CallbackRefusal::unreadable(error),
    }
}

#[async_trait]
impl Account for SmsRu {
    async fn check(&self) -> Result<()> {
        account_check::check(self.session()).await
    }

    /// Covers the codes about credentials, money, the daily limit and the sender name.
    fn covers(&self, code: i32) -> bool {
        let row = code::send_refusal(code, Level::Request);
        row.is_some_and(|row| matches!(row.meaning, Meaning::Blocked(_)))
    }

    async fn info(&self) -> Result<AccountInfo> {
        let (balance, limit, senders) = tokio::join!(self.balance(), self.limit(), self.senders());
        if let (Err(error), Err(_), Err(_)) = (&balance, &limit, &senders) {
            tracing::warn!(%error, "sms.ru gave no information about the account");
            return Err(balance.err().unwrap_or_else(|| missing_value("balance")));
        }
        let mut info = AccountInfo::default();
        info.balance = balance.ok();
        info.daily_limit = limit.as_ref().ok().and_then(|limit| limit.total);
        info.used_today = limit.ok().map(|limit| limit.used);
        info.senders = senders.unwrap_or_default();
        Ok(info)
    }
}
