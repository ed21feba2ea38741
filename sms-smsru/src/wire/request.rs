//! From submissions to the forms of `sms/send`.

use std::collections::HashMap;
use std::net::IpAddr;

use sms_core::{Lane, MessageId, Submission};
use url::form_urlencoded::Serializer;

use super::canonical;
use crate::config::SmsRuConfig;

/// The path of the method.
pub(crate) const METHOD: &str = "sms/send";

/// What all messages of one request have in common.
#[derive(PartialEq, Eq, Hash)]
struct Shared<'a> {
    from: Option<&'a str>,
    translit: bool,
    daytime: bool,
    end_user_ip: Option<IpAddr>,
    /// Set for a message that must share its request with no other.
    alone: Option<usize>,
}

/// Divides a batch into as few requests as can carry it; each is a list of indices into the batch. `alone` picks
/// messages for a request of their own beside those whose class asks for it.
pub(crate) fn group(
    batch: &[Submission],
    config: &SmsRuConfig,
    alone: impl Fn(&MessageId) -> bool,
) -> Vec<Vec<usize>> {
    let mut alike: HashMap<Shared<'_>, Vec<usize>> = HashMap::new();
    for (index, submission) in batch.iter().enumerate() {
        let options = &submission.options;
        let shared = Shared {
            from: submission.from.as_deref().or(config.from.as_deref()),
            translit: options.translit,
            daytime: options.daytime,
            end_user_ip: options.end_user_ip,
            alone: (submission.class.policy().lane == Lane::Urgent || alone(&submission.id)).then_some(index),
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
/// No division has fewer requests than this: in the order of their numbers the messages go to the requests in turn,
/// and there are just as many requests as the commonest number has messages, or as the limit asks for.
fn divide(batch: &[Submission], mut messages: Vec<usize>, limit: usize) -> Vec<Vec<usize>> {
    let number = |index: &usize| canonical(batch[*index].to.digits());
    messages.sort_by_key(number);
    let commonest = messages.chunk_by(|a, b| number(a) == number(b)).map(<[usize]>::len).max().unwrap_or(0);
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

/// The form of one request. The messages are those of one [`group`] and not none.
pub(crate) fn form(messages: &[&Submission], config: &SmsRuConfig) -> String {
    let mut form = Serializer::new(String::new());
    form.extend_pairs(config.credentials.fields());
    form.append_pair("json", "1");
    let Some(first) = messages.first() else {
        return form.finish();
    };
    if messages.iter().all(|message| message.text == first.text) {
        let to: Vec<String> = messages.iter().map(|message| message.to.digits().to_string()).collect();
        form.append_pair("to", &to.join(",")).append_pair("msg", &first.text);
    } else {
        for message in messages {
            form.append_pair(&format!("to[{}]", message.to.digits()), &message.text);
        }
    }
    if let Some(from) = first.from.as_deref().or(config.from.as_deref()) {
        form.append_pair("from", from);
    }
    if first.options.translit {
        form.append_pair("translit", "1");
    }
    if first.options.daytime {
        form.append_pair("daytime", "1");
    }
    if let Some(ip) = first.options.end_user_ip {
        form.append_pair("ip", &ip.to_string());
    }
    if let Some(partner_id) = config.partner_id {
        form.append_pair("partner_id", &partner_id.to_string());
    }
    if config.test {
        form.append_pair("test", "1");
    }
    form.finish()
}
