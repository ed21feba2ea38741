//! The client of one account: every API method.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use sms_core::{Money, PhoneNumber, Result};

use crate::callback::reader::CallbackReader;
use crate::client::api_client::ApiClient;
use crate::client::session::Session;
use crate::config::SmsRuConfig;
use crate::methods::account::{self, Quota};
use crate::methods::callback;
use crate::methods::callcheck::{self, CallCheck, CallCheckStatus};
use crate::methods::code_call::{self, CodeCall};
use crate::methods::cost::{self, Cost, CostRequest};
use crate::methods::send::{self, SendRequest, Sent};
use crate::methods::status::{self, MessageStatus};
use crate::methods::stoplist::{self, StopListEntry};
use crate::submit::late::LateReplies;

/// A client of sms.ru for one account. It is a [`Provider`](sms_core::Provider) and has a method
/// for every documented API method.
///
/// No method repeats a request. Every request ends within the configured timeout.
///
/// # Errors of every method
///
/// Except for `submit` and [`send`](Self::send), which return outcomes:
///
/// * [`Invalid`](sms_core::ErrorKind::Invalid) for invalid input; nothing was sent.
/// * [`Unavailable`](sms_core::ErrorKind::Unavailable) if there is no reply or an unreadable one.
/// * The kind of the [`Refusal`](crate::Refusal) if sms.ru refused, with the refusal as the source.
///
/// ```no_run
/// use sms_smsru::SmsRu;
///
/// # async fn example() -> sms_core::Result<()> {
/// let sms_ru = SmsRu::from_url("smsru://API_ID@sms.ru?from=Acme")?;
/// println!("{} on the account", sms_ru.balance().await?);
/// # Ok(()) }
/// ```
pub struct SmsRu {
    session: Arc<Session>,
    late: LateReplies,
    callbacks: Option<CallbackReader>,
}

impl SmsRu {
    /// Creates a client. It connects with the first request.
    ///
    /// # Errors
    ///
    /// [`Config`](sms_core::ErrorKind::Config) if a setting is invalid.
    pub fn new(config: SmsRuConfig) -> Result<Self> {
        let callbacks = config.callback_key().cloned();
        let session = Arc::new(Session::new(config)?);
        let late = LateReplies::new(Arc::clone(&session));
        let callbacks = callbacks.and_then(|api_id| CallbackReader::new(api_id).ok());
        Ok(Self { session, late, callbacks })
    }

    /// Creates a client from an address such as `smsru://API_ID@sms.ru?from=Acme`. The [crate
    /// documentation](crate) lists its parameters.
    ///
    /// # Errors
    ///
    /// [`Config`](sms_core::ErrorKind::Config). The message names the part that is wrong and
    /// contains no value of it.
    pub fn from_url(url: &str) -> Result<Self> {
        Self::new(SmsRuConfig::from_url(url)?)
    }

    /// Returns the reader of the callbacks of this account; `None` for an account with login and
    /// password without a [`callback_api_id`](SmsRuConfig::callback_api_id).
    pub fn callback_reader(&self) -> Option<&CallbackReader> {
        self.callbacks.as_ref()
    }

    /// `sms/send`: sends one request to up to 100 numbers. It costs money. Do not repeat it for
    /// messages with an [`Unknown`](sms_core::OutcomeClass::Unknown) outcome, because sms.ru can
    /// have accepted them. Nothing is stored here; a [`Sender`](sms_core::Sender) does that.
    ///
    /// # Errors
    ///
    /// [`Invalid`](sms_core::ErrorKind::Invalid) for an invalid request; nothing was sent. Any
    /// later failure is the outcome of the messages.
    pub async fn send(&self, request: &SendRequest) -> Result<Sent> {
        send::send(&self.session, request).await
    }

    /// `sms/status`: the delivery status of 1 to 100 messages. Messages without a readable entry in
    /// the reply are omitted.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn status(&self, ids: &[impl AsRef<str> + Sync]) -> Result<Vec<MessageStatus>> {
        let ids: Vec<&str> = ids.iter().map(AsRef::as_ref).collect();
        status::status(self.client(), &ids).await
    }

    /// `sms/cost`: the price of messages. Nothing is sent or charged. The refusal of one message is
    /// part of the result, not an error.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn cost(&self, request: &CostRequest) -> Result<Cost> {
        cost::cost(self.client(), request).await
    }

    /// `auth/check`: a check of the credentials.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn check_auth(&self) -> Result<()> {
        account::check_auth(self.client()).await
    }

    /// `my/balance`: the money on the account.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn balance(&self) -> Result<Money> {
        account::balance(self.client()).await
    }

    /// `my/limit`: the daily limit of messages.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn limit(&self) -> Result<Quota> {
        account::limit(self.client()).await
    }

    /// `my/free`: the daily limit of free messages to the phone number of the account.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn free(&self) -> Result<Quota> {
        account::free(self.client()).await
    }

    /// `my/senders`: the approved sender names.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn senders(&self) -> Result<Vec<String>> {
        account::senders(self.client()).await
    }

    /// `stoplist/add`: adds a number to the stop-list. Messages to it are refused with 209 and not
    /// charged. `note` is a private remark. Adding a number again replaces its note.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn stoplist_add(&self, phone: PhoneNumber, note: &str) -> Result<()> {
        stoplist::add(self.client(), phone, note).await
    }

    /// `stoplist/del`: removes a number from the stop-list.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn stoplist_del(&self, phone: PhoneNumber) -> Result<()> {
        stoplist::del(self.client(), phone).await
    }

    /// `stoplist/get`: the numbers in the stop-list, in the order of the reply.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn stoplist_get(&self) -> Result<Vec<StopListEntry>> {
        stoplist::get(self.client()).await
    }

    /// `callback/add`: registers an address for callbacks. It must begin with `http://` or
    /// `https://` and respond with `100`; sms.ru tests it within seconds. Returns all registered
    /// addresses.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn callback_add(&self, url: &str) -> Result<Vec<String>> {
        callback::add(self.client(), url).await
    }

    /// `callback/del`: removes an address for callbacks. Returns the remaining addresses.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu); [`NotFound`](sms_core::ErrorKind::NotFound) if the address
    /// is not registered.
    pub async fn callback_del(&self, url: &str) -> Result<Vec<String>> {
        callback::del(self.client(), url).await
    }

    /// `callback/get`: the registered addresses for callbacks.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn callback_get(&self) -> Result<Vec<String>> {
        callback::get(self.client()).await
    }

    /// `code/call`: a call to this number from a number with a code as its last four digits. sms.ru
    /// chooses the code. Each call costs money and is requested once. A repeat after
    /// [`CodeCall::Unknown`] can call and charge twice. `ip` is the IP address of the user who
    /// asked for the code; `None` if there is no such user.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu), and all of them prove that no call was made. `Unavailable`
    /// means that there was no connection to sms.ru. [`Config`](sms_core::ErrorKind::Config) in
    /// [test mode](SmsRuConfig::test), which this method does not have.
    pub async fn code_call(&self, phone: PhoneNumber, ip: Option<IpAddr>) -> Result<CodeCall> {
        code_call::code_call(self.client(), phone, ip).await
    }

    /// `callcheck/add`: starts a check of this number. The user must call within five minutes. `ip`
    /// is the IP address of the user; with it sms.ru chooses a number that can be called from
    /// abroad. A repeat starts another check.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn callcheck_add(&self, phone: PhoneNumber, ip: Option<IpAddr>) -> Result<CallCheck> {
        callcheck::add(self.client(), phone, ip).await
    }

    /// `callcheck/status`: the status of a check.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn callcheck_status(&self, id: &str) -> Result<CallCheckStatus> {
        callcheck::status(self.client(), id).await
    }

    pub(crate) fn client(&self) -> &ApiClient {
        &self.session.client
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    pub(crate) fn late_replies(&self) -> &LateReplies {
        &self.late
    }
}

impl fmt::Debug for SmsRu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmsRu").field("config", self.session.config()).finish_non_exhaustive()
    }
}
