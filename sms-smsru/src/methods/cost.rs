//! `sms/cost`: the price of messages, without sending them.

use std::collections::HashMap;
use std::fmt;

use sms_core::message::prepare::{SENDER_NAME_RULE, is_sender_name};
use sms_core::{Error, FieldError, Money, PhoneNumber, Result};

use crate::client::api_client::ApiClient;
use crate::credentials::Credentials;
use crate::methods::recipients::Recipients;
use crate::refusal::Refusal;
use crate::wire::json::Node;
use crate::wire::method_reply;
use crate::wire::number::{canonical, phone_digits};
use crate::wire::send_request::add_recipients;
use crate::wire::verdict::{Verdict, verdict};

/// A request of [`SmsRu::cost`](crate::SmsRu::cost).
#[derive(Clone)]
pub struct CostRequest {
    recipients: Recipients,
    from: Option<String>,
    translit: bool,
}

/// The price of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cost {
    /// The recipients, in the order of the request.
    pub recipients: Vec<RecipientCost>,
    /// The total price; `None` if sms.ru does not report it, for example because it would refuse
    /// every message.
    pub total: Option<Money>,
    /// The total number of parts; `None` if sms.ru does not report it.
    pub parts: Option<u64>,
}

/// The price of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecipientCost {
    /// The phone number.
    pub to: PhoneNumber,
    /// The price; `None` if sms.ru would refuse the message or the reply does not mention it.
    pub price: Option<Money>,
    /// The number of charged parts (SMS), if sms.ru reports it.
    pub parts: Option<u64>,
    /// The reason of a refusal, if sms.ru would refuse the message.
    pub refusal: Option<Refusal>,
}

impl CostRequest {
    /// A request for one text to 1 to 100 different numbers. For an empty text sms.ru reports the
    /// price of one part.
    pub fn new(to: impl IntoIterator<Item = PhoneNumber>, text: impl AsRef<str>) -> Self {
        Self {
            recipients: Recipients::with_one_text(to, text.as_ref()),
            from: None,
            translit: false,
        }
    }

    /// A request for 1 to 100 different numbers, each with a separate text.
    pub fn each(messages: impl IntoIterator<Item = (PhoneNumber, String)>) -> Self {
        Self { recipients: Recipients::with_separate_texts(messages), from: None, translit: false }
    }

    /// The sender name. Defaults to the configured sender name.
    pub fn from(mut self, from: impl Into<String>) -> Self {
        self.from = Some(from.into());
        self
    }

    /// Transliteration of Cyrillic into Latin letters, for fewer parts. Defaults to `false`.
    pub fn translit(mut self, translit: bool) -> Self {
        self.translit = translit;
        self
    }

    fn validate(&self) -> Result<()> {
        let mut errors: Vec<FieldError> = self.recipients.validate().err().into_iter().collect();
        if self.from.as_deref().is_some_and(|from| !is_sender_name(from)) {
            errors.push(FieldError::new(
                "from",
                "from_invalid",
                format!("must be {SENDER_NAME_RULE}"),
            ));
        }
        if errors.is_empty() { Ok(()) } else { Err(Error::invalid(errors)) }
    }
}

impl fmt::Debug for CostRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recipients = self.recipients.numbers().count();
        f.debug_struct("CostRequest").field("recipients", &recipients).finish_non_exhaustive()
    }
}

pub(crate) async fn cost(client: &ApiClient, request: &CostRequest) -> Result<Cost> {
    request.validate()?;
    let from = request.from.as_deref().or(client.config().from.as_deref());
    let form = add_recipients(client.form(), &request.recipients.for_wire())
        .with_some("from", from)
        .with_flag("translit", request.translit);
    let texts = request.recipients.texts();
    let reply = client.call("sms/cost", form, &texts).await?;
    let entries = reply.entries("sms");
    let mut by_number: HashMap<u64, Vec<&Node>> = HashMap::new();
    for (key, node) in &entries {
        if let Some(number) = key.and_then(phone_digits) {
            by_number.entry(canonical(number)).or_default().push(node);
        }
    }
    // Without numbers as keys, the entries are matched by their order.
    let by_order = by_number.is_empty() && entries.len() == request.recipients.numbers().count();
    let recipient = |(index, to): (usize, PhoneNumber)| {
        let found = by_number.get(&canonical(to.digits())).map_or(&[][..], Vec::as_slice);
        let entry = match found {
            [first, others @ ..] if others.iter().all(|other| other == first) => Some(*first),
            [] if by_order => Some(entries[index].1),
            _ => None,
        };
        recipient_cost(to, entry, &texts, &client.config().credentials)
    };
    Ok(Cost {
        recipients: request.recipients.numbers().enumerate().map(recipient).collect(),
        total: reply.money("total_cost"),
        parts: reply.count("total_sms"),
    })
}

fn recipient_cost(
    to: PhoneNumber,
    entry: Option<&Node>,
    texts: &[&str],
    credentials: &Credentials,
) -> RecipientCost {
    let mut cost = RecipientCost { to, price: None, parts: None, refusal: None };
    match entry.map(|entry| (verdict(entry), entry)) {
        Some((Verdict::Accepted, entry)) => {
            cost.price = entry.money("cost");
            cost.parts = entry.count("sms");
        }
        Some((Verdict::Refused(code), entry)) => {
            cost.refusal = Some(method_reply::refusal(Some(code), entry, texts, credentials));
        }
        Some((Verdict::Unclear, _)) | None => {}
    }
    cost
}
