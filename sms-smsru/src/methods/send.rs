//! `sms/send`, called by hand.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use sms_core::clock::{datetime_from_ms, duration_to_ms};
use sms_core::message::MAX_SEND_AHEAD;
use sms_core::message::prepare::{SENDER_NAME_RULE, is_sender_name};
use sms_core::{Error, FieldError, Money, Outcome, PhoneNumber, Result};
use time::OffsetDateTime;

use crate::SmsRu;
use crate::config::SmsRuConfig;
use crate::methods::recipients::Recipients;
use crate::wire::send_request::{MAX_TTL_MINUTES, METHOD, Options, send};

/// What [`SmsRu::send`] is asked to send. Nothing is set unless it is asked for, here or in the
/// account's configuration (`from`, `partner_id`, `test`).
#[derive(Clone)]
pub struct SendRequest {
    recipients: Recipients,
    from: Option<String>,
    time: Option<OffsetDateTime>,
    ttl: Option<Duration>,
    daytime: bool,
    translit: bool,
    test: bool,
    ip: Option<IpAddr>,
    partner_id: Option<u32>,
}

/// What [`SmsRu::send`] was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// What became of each message, in the order of the recipients.
    pub outcomes: Vec<Outcome>,
    /// What the account has left, where the answer says so.
    pub balance: Option<Money>,
}

impl SendRequest {
    /// One text to 1 to 100 numbers, each of them once.
    pub fn new(to: impl IntoIterator<Item = PhoneNumber>, text: impl AsRef<str>) -> Self {
        Self::to(Recipients::of_one_text(to, text.as_ref()))
    }

    /// A text of its own to each of 1 to 100 numbers, each of them once.
    pub fn each(messages: impl IntoIterator<Item = (PhoneNumber, String)>) -> Self {
        Self::to(Recipients::of_a_text_each(messages))
    }

    fn to(recipients: Recipients) -> Self {
        Self {
            recipients,
            from: None,
            time: None,
            ttl: None,
            daytime: false,
            translit: false,
            test: false,
            ip: None,
            partner_id: None,
        }
    }

    /// The sender name, 1 to 11 printable ASCII characters or up to 15 digits. Defaults to the
    /// configured one.
    pub fn from(mut self, from: impl Into<String>) -> Self {
        self.from = Some(from.into());
        self
    }

    /// When sms.ru is to send, up to 60 days ahead; a time in the past is now. Not together with
    /// `daytime`, for which sms.ru would ignore it.
    pub fn time(mut self, time: OffsetDateTime) -> Self {
        self.time = Some(time);
        self
    }

    /// The lifetime, in whole minutes from 1 to 1440, after which the operator destroys the
    /// message. A message that has one is charged even when it is not delivered.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Sends in the recipient's daytime: after 20:00 there it waits until 10:00.
    pub fn daytime(mut self, daytime: bool) -> Self {
        self.daytime = daytime;
        self
    }

    /// Turns Cyrillic into Latin letters.
    pub fn translit(mut self, translit: bool) -> Self {
        self.translit = translit;
        self
    }

    /// sms.ru's own test mode: it answers as usual, sends nothing and charges nothing. On anyway
    /// where it is configured.
    pub fn test(mut self, test: bool) -> Self {
        self.test = test;
        self
    }

    /// The address of the person who caused the messages, for sms.ru's fraud checks.
    pub fn ip(mut self, ip: IpAddr) -> Self {
        self.ip = Some(ip);
        self
    }

    /// The number of a partner who gets a share of the price. Defaults to the configured one.
    pub fn partner_id(mut self, partner_id: u32) -> Self {
        self.partner_id = Some(partner_id);
        self
    }

    fn check(&self, config: &SmsRuConfig) -> Result<()> {
        let mut faults: Vec<FieldError> = self.recipients.faults().into_iter().collect();
        if self.recipients.has_empty_text() {
            faults.push(FieldError::new("text", "text_empty", "must not be empty"));
        }
        if self.from.as_deref().is_some_and(|from| !is_sender_name(from)) {
            faults.push(FieldError::new(
                "from",
                "from_invalid",
                format!("must be {SENDER_NAME_RULE}"),
            ));
        }
        if self.ttl.is_some() && self.ttl_minutes().is_none() {
            faults.push(FieldError::new("ttl", "ttl_range", "must be whole minutes, 1 to 1440"));
        }
        let latest = config.clock.now_ms().saturating_add(duration_to_ms(MAX_SEND_AHEAD));
        if self.time.is_some_and(|time| time > datetime_from_ms(latest)) {
            faults.push(FieldError::new("time", "time_range", "must be at most 60 days ahead"));
        }
        if self.time.is_some() && self.daytime {
            faults.push(FieldError::new(
                "time",
                "time_and_daytime",
                "would be ignored because of daytime",
            ));
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::invalid(faults)) }
    }

    fn ttl_minutes(&self) -> Option<i64> {
        let ttl =
            self.ttl.filter(|ttl| ttl.subsec_nanos() == 0 && ttl.as_secs().is_multiple_of(60))?;
        i64::try_from(ttl.as_secs() / 60)
            .ok()
            .filter(|minutes| (1..=MAX_TTL_MINUTES).contains(minutes))
    }

    fn options<'a>(&'a self, config: &'a SmsRuConfig) -> Options<'a> {
        Options {
            from: self.from.as_deref().or(config.from.as_deref()),
            time: self.time.map(OffsetDateTime::unix_timestamp),
            ttl_minutes: self.ttl_minutes(),
            translit: self.translit,
            daytime: self.daytime,
            ip: self.ip,
            partner_id: self.partner_id.or(config.partner_id),
            test: self.test || config.test,
        }
    }
}

impl fmt::Debug for SendRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Numbers and texts stay out of logs.
        let recipients = self.recipients.numbers().count();
        f.debug_struct("SendRequest").field("recipients", &recipients).finish_non_exhaustive()
    }
}

impl SmsRu {
    /// `sms/send`: one request, sent once, to up to 100 numbers. It costs money and must not be
    /// repeated for messages whose outcome is [`Unknown`](sms_core::OutcomeClass::Unknown): sms.ru
    /// may have accepted them. Every other outcome is a proof. Nothing is kept or queued here; a
    /// [`Sender`](sms_core::Sender) does that.
    ///
    /// # Errors
    ///
    /// [`Invalid`](sms_core::ErrorKind::Invalid) when sms.ru cannot be asked this; nothing was
    /// sent. Whatever happens after that is the outcome of the messages.
    pub async fn send(&self, request: &SendRequest) -> Result<Sent> {
        request.check(self.config())?;
        let recipients = request.recipients.wire();
        let options = request.options(self.config());
        let form = send(self.form(), &recipients, options).finish();
        let answer = self.line.http.post(METHOD, form, self.config().timeout).await;
        let reading = self.line.outcomes(answer, &recipients);
        self.line.remember(&reading.outcomes, &recipients, options.from, options.translit);
        Ok(Sent { outcomes: reading.outcomes, balance: reading.balance })
    }
}
