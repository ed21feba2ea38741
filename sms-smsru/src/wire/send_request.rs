//! From submissions to the forms of `sms/send`.

use std::collections::HashMap;
use std::net::IpAddr;

use sms_core::clock::datetime_to_ms;
use sms_core::{Class, Lane, MessageId, Submission};

use super::canonical;
use super::form::Form;
use crate::config::SmsRuConfig;

/// The path of the method.
pub(crate) const METHOD: &str = "sms/send";

/// The longest lifetime sms.ru can be told, in minutes.
pub(crate) const MAX_TTL_MINUTES: i64 = 1440;

/// One recipient of a request.
#[derive(Clone, Copy)]
pub(crate) struct Recipient<'a> {
    /// The digits of the number.
    pub(crate) to: u64,
    pub(crate) text: &'a str,
    /// Whether the text is a one-time code.
    pub(crate) otp: bool,
}

impl<'a> From<&'a Submission> for Recipient<'a> {
    fn from(submission: &'a Submission) -> Self {
        Self {
            to: submission.to.digits(),
            text: &submission.text,
            otp: submission.class == Class::Otp,
        }
    }
}

/// What one request says beside its recipients. All of it is left out where nothing was asked for.
#[derive(Clone, Copy, Default)]
pub(crate) struct Options<'a> {
    pub(crate) from: Option<&'a str>,
    /// Unix seconds.
    pub(crate) time: Option<i64>,
    pub(crate) ttl_minutes: Option<i64>,
    pub(crate) translit: bool,
    pub(crate) daytime: bool,
    pub(crate) ip: Option<IpAddr>,
    pub(crate) partner_id: Option<u32>,
    pub(crate) test: bool,
}

/// What all messages of one request have in common.
#[derive(PartialEq, Eq, Hash)]
struct Shared<'a> {
    from: Option<&'a str>,
    translit: bool,
    daytime: bool,
    ttl_minutes: Option<i64>,
    end_user_ip: Option<IpAddr>,
    /// Set for a message that must share its request with no other.
    alone: Option<usize>,
}

/// Divides a batch into as few requests as can carry it; each is a list of indices into the batch.
/// `now_ms` is the time of the call, `alone` picks messages for a request of their own beside those
/// whose class asks for it.
pub(crate) fn group(
    batch: &[Submission],
    config: &SmsRuConfig,
    now_ms: i64,
    alone: impl Fn(&MessageId) -> bool,
) -> Vec<Vec<usize>> {
    let mut alike: HashMap<Shared<'_>, Vec<usize>> = HashMap::new();
    for (index, submission) in batch.iter().enumerate() {
        let options = &submission.options;
        let shared = Shared {
            from: submission.from.as_deref().or(config.from.as_deref()),
            translit: options.translit,
            daytime: options.daytime,
            ttl_minutes: ttl_minutes(submission, now_ms),
            end_user_ip: options.end_user_ip,
            alone: (submission.class.policy().lane == Lane::Urgent || alone(&submission.id))
                .then_some(index),
        };
        alike.entry(shared).or_default().push(index);
    }
    let mut groups: Vec<_> =
        alike.into_values().flat_map(|messages| divide(batch, messages, config.batch)).collect();
    groups.sort_unstable();
    groups
}

/// Deals messages out so that no number is twice in a request and no request is over `limit`.
///
/// No division has fewer requests than this: in the order of their numbers the messages go to the
/// requests in turn, and there are just as many requests as the commonest number has messages, or
/// as the limit asks for.
fn divide(batch: &[Submission], mut messages: Vec<usize>, limit: usize) -> Vec<Vec<usize>> {
    let number = |index: &usize| canonical(batch[*index].to.digits());
    messages.sort_by_key(number);
    let commonest =
        messages.chunk_by(|a, b| number(a) == number(b)).map(<[usize]>::len).max().unwrap_or(0);
    let requests = commonest.max(messages.len().div_ceil(limit.max(1)));
    let mut groups = vec![Vec::new(); requests];
    for (turn, index) in messages.into_iter().enumerate() {
        groups[turn % requests].push(index);
    }
    for group in &mut groups {
        group.sort_unstable();
    }
    groups
}

/// What is left of the lifetime the operator is told: whole minutes, so that the message is
/// destroyed rather a little early than late. Nothing when sms.ru cannot be told as much.
fn ttl_minutes(submission: &Submission, now_ms: i64) -> Option<i64> {
    let left_ms = datetime_to_ms(submission.valid_until).saturating_sub(now_ms);
    let minutes = (left_ms / 60_000).max(1);
    (submission.options.pass_deadline && minutes <= MAX_TTL_MINUTES).then_some(minutes)
}

/// The form of one request. The messages are those of one [`group`] made for the same time.
pub(crate) fn form(messages: &[&Submission], config: &SmsRuConfig, now_ms: i64) -> String {
    let recipients: Vec<Recipient<'_>> = messages.iter().map(|message| (*message).into()).collect();
    let options = messages.first().map(|first| Options {
        from: first.from.as_deref().or(config.from.as_deref()),
        time: None,
        ttl_minutes: ttl_minutes(first, now_ms),
        translit: first.options.translit,
        daytime: first.options.daytime,
        ip: first.options.end_user_ip,
        partner_id: config.partner_id,
        test: config.test,
    });
    send(Form::new(&config.credentials), &recipients, options.unwrap_or_default()).finish()
}

/// Adds everything `sms/send` can be told.
pub(crate) fn send(form: Form, recipients: &[Recipient<'_>], options: Options<'_>) -> Form {
    to(form, recipients)
        .with_some("from", options.from)
        .with_some("time", options.time)
        .with_some("ttl", options.ttl_minutes)
        .with_flag("translit", options.translit)
        .with_flag("daytime", options.daytime)
        .with_some("ip", options.ip)
        .with_some("partner_id", options.partner_id)
        .with_flag("test", options.test)
}

/// Adds the recipients: a list for one text, a map for many. An empty text is left out.
pub(crate) fn to(form: Form, recipients: &[Recipient<'_>]) -> Form {
    let text = recipients.first().map_or("", |first| first.text);
    if recipients.iter().any(|recipient| recipient.text != text) {
        return recipients.iter().fold(form, |form, recipient| {
            form.with(&format!("to[{}]", recipient.to), recipient.text)
        });
    }
    let numbers: Vec<String> =
        recipients.iter().map(|recipient| recipient.to.to_string()).collect();
    form.with("to", numbers.join(",")).with_some("msg", Some(text).filter(|text| !text.is_empty()))
}
