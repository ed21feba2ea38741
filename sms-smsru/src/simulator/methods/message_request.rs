//! What a caller of `sms/send` or `sms/cost` asks for.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use sms_core::message::{text, translit};

use crate::simulator::http::params::Params;
use crate::simulator::phone::Phone;

/// The most parts a message may have.
const MAX_PARTS: usize = 8;

/// One recipient, and what is for it.
#[derive(Debug)]
pub(crate) struct Recipient {
    pub(crate) phone: Phone,
    pub(crate) text: Arc<str>,
    pub(crate) parts: usize,
}

impl Recipient {
    /// The code that refuses its text, if any does.
    pub(crate) const fn text_refusal(&self) -> Option<i32> {
        match self.parts {
            0 => Some(203),
            1..=MAX_PARTS => None,
            _ => Some(205),
        }
    }
}

/// A request, read but not judged.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) recipients: Vec<Recipient>,
    pub(crate) from: Option<String>,
    pub(crate) ip: Option<String>,
    /// `Err` for a `time` that is no number.
    pub(crate) time: Result<Option<i64>, ()>,
    pub(crate) ttl: Option<u32>,
    pub(crate) daytime: bool,
    pub(crate) translit: bool,
    pub(crate) test: bool,
    pub(crate) partner_id: Option<String>,
}

/// The recipients as they were sent, with their texts: `to[…]`, `multi[…]`, or a list in `to`.
pub(crate) fn addressed(params: &Params) -> Vec<(&str, Option<&str>)> {
    let mut addressed: Vec<_> = params.get("to").into_iter().flat_map(split).collect();
    for name in ["to", "multi"] {
        for (key, value) in params.entries(name) {
            // Without a key it is a number in PHP's list form.
            if key.is_empty() {
                addressed.extend(split(value));
            } else {
                addressed.push((key, Some(value)));
            }
        }
    }
    addressed
}

fn split(list: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    list.split(',').map(str::trim).filter(|number| !number.is_empty()).map(|number| (number, None))
}

impl Order {
    /// Reads `sms/send`.
    ///
    /// # Errors
    ///
    /// The code that refuses the whole request: 202 without recipients, 203 without a text for
    /// anybody, 212 for what is not UTF-8, 213 for too many recipients.
    pub(crate) fn read(params: &Params, max_recipients: usize) -> Result<Self, i32> {
        let order = Self::read_any(params, max_recipients, "")?;
        if order.recipients.iter().all(|recipient| recipient.parts == 0) {
            Err(203)
        } else {
            Ok(order)
        }
    }

    /// Reads `sms/cost`, where no text stands for one of a single part.
    ///
    /// # Errors
    ///
    /// As those of [`read`](Self::read), without 203.
    pub(crate) fn read_cost(params: &Params, max_recipients: usize) -> Result<Self, i32> {
        Self::read_any(params, max_recipients, "-")
    }

    fn read_any(params: &Params, max_recipients: usize, no_text: &str) -> Result<Self, i32> {
        if params.broken {
            return Err(212);
        }
        let addressed = addressed(params);
        if addressed.is_empty() {
            return Err(202);
        }
        if addressed.len() > max_recipients {
            return Err(213);
        }
        let translit = params.flag("translit");
        let common: Arc<str> = params.any(&["msg", "text"]).unwrap_or(no_text).into();
        let common_parts = parts(&common, translit);
        // The reply is a map, so a number that is spelled the same way twice is one recipient.
        let mut keys = HashSet::with_capacity(addressed.len());
        let recipients = addressed.into_iter().filter_map(|(sent, text)| {
            let phone = Phone::read(sent);
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
            // What a ttl out of range does is documented nowhere; here it counts as none.
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

fn parts(sent: &str, translit: bool) -> usize {
    if sent.trim().is_empty() {
        0
    } else if translit {
        text::count(&translit::latin(sent)).parts
    } else {
        text::count(sent).parts
    }
}

/// Whether an `ip` is an address of the public internet.
pub(crate) fn is_public(ip: &str) -> bool {
    match ip.parse() {
        Ok(IpAddr::V4(ip)) => {
            let [a, b, ..] = ip.octets();
            // 100.64.0.0/10 is between a provider and its customers.
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
