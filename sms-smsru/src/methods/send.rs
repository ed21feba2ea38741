//! `sms/send` as a direct call, without a worker.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use sms_core::clock::{datetime_from_ms, duration_to_ms};
use sms_core::message::MAX_SEND_AHEAD;
use sms_core::message::prepare::{SENDER_NAME_RULE, is_sender_name};
use sms_core::{Error, FieldError, Money, Outcome, PhoneNumber, Result};
use time::OffsetDateTime;

use crate::client::session::Session;
use crate::config::SmsRuConfig;
use crate::methods::recipients::Recipients;
use crate::wire::send_reply::SendReply;
use crate::wire::send_request::{MAX_TTL_MINUTES, METHOD, Options, add_all};

/// A request of [`SmsRu::send`](crate::SmsRu::send). Optional parameters are sent only if they are
/// set here or in the configuration (`from`, `partner_id`, `test`).
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

/// The result of [`SmsRu::send`](crate::SmsRu::send).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// The outcome of each message, in the order of the recipients.
    pub outcomes: Vec<Outcome>,
    /// The balance of the account afterwards, if sms.ru reports it.
    pub balance: Option<Money>,
}

impl SendRequest {
    /// A request for one text to 1 to 100 different numbers.
    pub fn new(to: impl IntoIterator<Item = PhoneNumber>, text: impl AsRef<str>) -> Self {
        Self::with_recipients(Recipients::with_one_text(to, text.as_ref()))
    }

    /// A request for 1 to 100 different numbers, each with a separate text.
    pub fn each(messages: impl IntoIterator<Item = (PhoneNumber, String)>) -> Self {
        Self::with_recipients(Recipients::with_separate_texts(messages))
    }

    fn with_recipients(recipients: Recipients) -> Self {
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
    /// configured sender name.
    pub fn from(mut self, from: impl Into<String>) -> Self {
        self.from = Some(from.into());
        self
    }

    /// The time to send at, up to 60 days ahead. A time in the past means now. Not allowed together
    /// with `daytime`, because sms.ru would ignore it. Defaults to now.
    pub fn time(mut self, time: OffsetDateTime) -> Self {
        self.time = Some(time);
        self
    }

    /// The lifetime, in whole minutes from 1 to 1440. The operator then deletes the message. A
    /// message with a lifetime is charged even if it is not delivered. Defaults to none.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Sending in the daytime of the recipient only: after 20:00 local time the message waits until
    /// 10:00. Defaults to `false`.
    pub fn daytime(mut self, daytime: bool) -> Self {
        self.daytime = daytime;
        self
    }

    /// Transliteration of Cyrillic into Latin letters. Defaults to `false`.
    pub fn translit(mut self, translit: bool) -> Self {
        self.translit = translit;
        self
    }

    /// The test mode of sms.ru: it replies as usual, sends nothing and charges nothing. Defaults to
    /// the configured mode, and cannot turn it off.
    pub fn test(mut self, test: bool) -> Self {
        self.test = test;
        self
    }

    /// The IP address of the user who caused the messages, for the fraud checks of sms.ru. Defaults
    /// to none.
    pub fn ip(mut self, ip: IpAddr) -> Self {
        self.ip = Some(ip);
        self
    }

    /// The id of a partner who gets a share of the price. Defaults to the configured partner.
    pub fn partner_id(mut self, partner_id: u32) -> Self {
        self.partner_id = Some(partner_id);
        self
    }

    fn validate(&self, config: &SmsRuConfig) -> Result<()> {
        let mut errors: Vec<FieldError> = self.recipients.validate().err().into_iter().collect();
        if self.recipients.has_empty_text() {
            errors.push(FieldError::new("text", "text_empty", "must not be empty"));
        }
        if self.from.as_deref().is_some_and(|from| !is_sender_name(from)) {
            errors.push(FieldError::new(
                "from",
                "from_invalid",
                format!("must be {SENDER_NAME_RULE}"),
            ));
        }
        if self.ttl.is_some() && self.ttl_minutes().is_none() {
            errors.push(FieldError::new("ttl", "ttl_range", "must be whole minutes, 1 to 1440"));
        }
        let latest = config.clock.now_ms().saturating_add(duration_to_ms(MAX_SEND_AHEAD));
        if self.time.is_some_and(|time| time > datetime_from_ms(latest)) {
            errors.push(FieldError::new("time", "time_range", "must be at most 60 days ahead"));
        }
        if self.time.is_some() && self.daytime {
            errors.push(FieldError::new(
                "time",
                "time_and_daytime",
                "would be ignored because of daytime",
            ));
        }
        if errors.is_empty() { Ok(()) } else { Err(Error::invalid(errors)) }
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
        // `Debug` output goes to logs, where numbers and texts must not appear.
        let recipients = self.recipients.numbers().count();
        f.debug_struct("SendRequest").field("recipients", &recipients).finish_non_exhaustive()
    }
}

pub(crate) async fn send(session: &Session, request: &SendRequest) -> Result<Sent> {
    let config = session.config();
    request.validate(config)?;
    let recipients = request.recipients.for_wire();
    let options = request.options(config);
    let form = add_all(session.client.form(), &recipients, options).finish();
    let reply = session.client.post(METHOD, form, config.timeout).await;
    let SendReply { outcomes, balance, .. } =
        session.read_recipients(reply, &recipients, options.from, options.translit);
    Ok(Sent { outcomes, balance })
}
