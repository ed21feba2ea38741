//! The parameters of `sms/send` and `sms/cost`.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use sms_core::message::{text, translit};

use crate::simulator::params::Params;
use crate::simulator::phone::Phone;

/// The maximum of parts in a message.
const MAX_PARTS: usize = 8;

/// A recipient with its text.
#[derive(Debug)]
pub(crate) struct Recipient {
    pub(crate) phone: Phone,
    pub(crate) text: Arc<str>,
    pub(crate) parts: usize,
}

impl Recipient {
    /// Returns the code that refuses the text.
    pub(crate) const fn text_refusal(&self) -> Option<i32> {
        match self.parts {
            0 => Some(203),
            1..=MAX_PARTS => None,
            _ => Some(205),
        }
    }
}

/// A parsed request, not checked yet.
#[derive(Debug)]
pub(crate) struct MessageRequest {
    pub(crate) recipients: Vec<Recipient>,
    pub(crate) from: Option<String>,
    pub(crate) ip: Option<String>,
    /// `Err` for a `time` that is not a number.
    pub(crate) time: Result<Option<i64>, ()>,
    pub(crate) ttl: Option<u32>,
    pub(crate) daytime: bool,
    pub(crate) translit: bool,
    pub(crate) test: bool,
    pub(crate) partner_id: Option<String>,
}

/// Returns the recipients in the spelling of the request, with their texts: `to[…]`, `multi[…]`, or
/// a list in `to`.
pub(crate) fn recipients(params: &Params) -> Vec<(&str, Option<&str>)> {
    let mut recipients: Vec<_> = params.get("to").into_iter().flat_map(split).collect();
    for name in ["to", "multi"] {
        for (key, value) in params.entries(name) {
            // `to[]=NUMBER` is the list form of PHP.
            if key.is_empty() {
                recipients.extend(split(value));
            } else {
                recipients.push((key, Some(value)));
            }
        }
    }
    recipients
}

fn split(list: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    list.split(',').map(str::trim).filter(|number| !number.is_empty()).map(|number| (number, None))
}

impl MessageRequest {
    /// Parses the parameters of `sms/send`.
    ///
    /// # Errors
    ///
    /// The code that refuses the whole request: 202 without recipients, 203 without any text, 212
    /// for invalid UTF-8, 213 for too many recipients.
    pub(crate) fn of_send(params: &Params, max_recipients: usize) -> Result<Self, i32> {
        let request = Self::parse(params, max_recipients, "")?;
        if request.recipients.iter().all(|recipient| recipient.parts == 0) {
            Err(203)
        } else {
            Ok(request)
        }
    }

    /// Parses the parameters of `sms/cost`. A missing text counts as a text of one part.
    ///
    /// # Errors
    ///
    /// Those of [`of_send`](Self::of_send), except 203.
    pub(crate) fn of_cost(params: &Params, max_recipients: usize) -> Result<Self, i32> {
        Self::parse(params, max_recipients, "-")
    }

    fn parse(params: &Params, max_recipients: usize, default_text: &str) -> Result<Self, i32> {
        if params.invalid_utf8 {
            return Err(212);
        }
        let sent = recipients(params);
        if sent.is_empty() {
            return Err(202);
        }
        if sent.len() > max_recipients {
            return Err(213);
        }
        let translit = params.flag("translit");
        let common: Arc<str> = params.first_of(&["msg", "text"]).unwrap_or(default_text).into();
        let common_parts = parts(&common, translit);
        // The reply is a map, so the same spelling of a number twice is one recipient.
        let mut keys = HashSet::with_capacity(sent.len());
        let recipients = sent.into_iter().filter_map(|(number, text)| {
            let phone = Phone::read(number);
            keys.insert(phone.key.clone()).then(|| match text {
                Some(text) => Recipient { phone, text: text.into(), parts: parts(text, translit) },
                None => Recipient { phone, text: Arc::clone(&common), parts: common_parts },
            })
        });
        Ok(Self {
            recipients: recipients.collect(),
            from: params.get("from").map(str::to_owned),
            ip: params.get("ip").map(str::to_owned),
            time: params.get("time").map(|time| time.trim().parse().map_err(|_| ())).transpose(),
            // A ttl out of range is not documented. Here it counts as no ttl.
            ttl: params
                .get("ttl")
                .and_then(|ttl| ttl.parse().ok())
                .filter(|ttl| (1..=1440).contains(ttl)),
            daytime: params.flag("daytime"),
            translit,
            test: params.flag("test"),
            partner_id: params.get("partner_id").map(str::to_owned),
        })
    }
}

fn parts(message: &str, translit: bool) -> usize {
    if message.trim().is_empty() {
        0
    } else if translit {
        text::count(&translit::latin(message)).parts
    } else {
        text::count(message).parts
    }
}

/// Checks that an `ip` is an address of the public internet.
pub(crate) fn is_public(ip: &str) -> bool {
    match ip.parse() {
        Ok(IpAddr::V4(ip)) => {
            let [a, b, ..] = ip.octets();
            // 100.64.0.0/10 is shared address space between a provider and its customers.
            let shared = a == 100 && (64..128).contains(&b);
            let local = ip.is_private() || ip.is_link_local() || shared;
            !(ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_broadcast()
                || ip.is_multicast()
                || local)
        }
        Ok(IpAddr::V6(ip)) => {
            let local = ip.is_unique_local() || ip.is_unicast_link_local();
            !(ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() || local)
        }
        Err(_) => false,
    }
}
