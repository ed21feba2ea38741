//! Requests of `sms/send`: division of a batch into requests, and their forms.

use std::collections::HashMap;
use std::net::IpAddr;

use sms_core::clock::datetime_to_ms;
use sms_core::{Class, Lane, MessageId, Submission};

use crate::config::SmsRuConfig;
use crate::wire::form::Form;
use crate::wire::number::canonical;

/// The path of the method.
pub(crate) const METHOD: &str = "sms/send";

/// The maximum of the parameter `ttl`, in minutes.
pub(crate) const MAX_TTL_MINUTES: i64 = 1440;

/// One recipient of a request.
#[derive(Clone, Copy)]
pub(crate) struct Recipient<'a> {
    /// The number, as E.164 digits.
    pub(crate) to: u64,
    pub(crate) text: &'a str,
    /// The text is a one-time code.
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

/// The optional parameters of one request.
#[derive(Clone, Copy, Default)]
pub(crate) struct Options<'a> {
    pub(crate) from: Option<&'a str>,
    /// The time to send at, in seconds since the Unix epoch.
    pub(crate) time: Option<i64>,
    pub(crate) ttl_minutes: Option<i64>,
    pub(crate) translit: bool,
    pub(crate) daytime: bool,
    pub(crate) ip: Option<IpAddr>,
    pub(crate) partner_id: Option<u32>,
    pub(crate) test: bool,
}

/// The parameters that all messages of one request share.
#[derive(PartialEq, Eq, Hash)]
struct GroupKey<'a> {
    from: Option<&'a str>,
    translit: bool,
    daytime: bool,
    ttl_minutes: Option<i64>,
    end_user_ip: Option<IpAddr>,
    /// The index of a message that must be sent in a separate request.
    alone: Option<usize>,
}

/// Divides a batch into the fewest possible requests. Each request is a list of indices into the
/// batch. `now_ms` is the time of the call. `send_alone` selects messages for a separate request,
/// in addition to those with a class that requires it.
pub(crate) fn group(
    batch: &[Submission],
    config: &SmsRuConfig,
    now_ms: i64,
    send_alone: impl Fn(&MessageId) -> bool,
) -> Vec<Vec<usize>> {
    let mut alike: HashMap<GroupKey<'_>, Vec<usize>> = HashMap::new();
    for (index, submission) in batch.iter().enumerate() {
        let options = &submission.options;
        let key = GroupKey {
            from: submission.from.as_deref().or(config.from.as_deref()),
            translit: options.translit,
            daytime: options.daytime,
            ttl_minutes: ttl_minutes(submission, now_ms),
            end_user_ip: options.end_user_ip,
            alone: (submission.class.policy().lane == Lane::Urgent || send_alone(&submission.id))
                .then_some(index),
        };
        alike.entry(key).or_default().push(index);
    }
    let mut groups: Vec<_> =
        alike.into_values().flat_map(|messages| divide(batch, messages, config.batch)).collect();
    groups.sort_unstable();
    groups
}

/// Divides messages so that no number is twice in a request and no request exceeds `limit`.
///
/// The messages, sorted by number, are assigned to the requests in turn. The number of requests is
/// the minimum: the count of messages to the most frequent number, or the count that the limit
/// requires, whichever is larger.
fn divide(batch: &[Submission], mut messages: Vec<usize>, limit: usize) -> Vec<Vec<usize>> {
    let number = |index: &usize| canonical(batch[*index].to.digits());
    messages.sort_by_key(number);
    let most_frequent =
        messages.chunk_by(|a, b| number(a) == number(b)).map(<[usize]>::len).max().unwrap_or(0);
    let requests = most_frequent.max(messages.len().div_ceil(limit.max(1)));
    let mut groups = vec![Vec::new(); requests];
    for (turn, index) in messages.into_iter().enumerate() {
        groups[turn % requests].push(index);
    }
    for group in &mut groups {
        group.sort_unstable();
    }
    groups
}

/// Returns the `ttl` of a message: the time left until its deadline in whole minutes, rounded down,
/// so that the operator deletes the message before the deadline. `None` if the message does not ask
/// for it or if the time exceeds the maximum.
fn ttl_minutes(submission: &Submission, now_ms: i64) -> Option<i64> {
    let left_ms = datetime_to_ms(submission.valid_until).saturating_sub(now_ms);
    let minutes = (left_ms / 60_000).max(1);
    (submission.options.pass_deadline && minutes <= MAX_TTL_MINUTES).then_some(minutes)
}

/// Builds the form of one request. `messages` must be one group of [`group`] for the same `now_ms`.
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
    add_all(Form::new(&config.credentials), &recipients, options.unwrap_or_default()).finish()
}

/// Adds the recipients and the optional parameters of `sms/send`.
pub(crate) fn add_all(form: Form, recipients: &[Recipient<'_>], options: Options<'_>) -> Form {
    add_recipients(form, recipients)
        .with_some("from", options.from)
        .with_some("time", options.time)
        .with_some("ttl", options.ttl_minutes)
        .with_flag("translit", options.translit)
        .with_flag("daytime", options.daytime)
        .with_some("ip", options.ip)
        .with_some("partner_id", options.partner_id)
        .with_flag("test", options.test)
}

/// Adds the recipients: a list if all have the same text, else a map. An empty text is omitted.
pub(crate) fn add_recipients(form: Form, recipients: &[Recipient<'_>]) -> Form {
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
