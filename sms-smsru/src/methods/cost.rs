//! `sms/cost`: the price of messages that are not sent.

use std::collections::HashMap;
use std::fmt;

use sms_core::message::prepare::{SENDER_NAME_RULE, is_sender_name};
use sms_core::{Error, FieldError, Money, PhoneNumber, Result};

use crate::methods::recipients::Recipients;
use crate::wire::json::Node;
use crate::wire::verdict::{Verdict, verdict};
use crate::wire::{canonical, method_reply as said, send_request as request, whole_number};
use crate::{Refusal, SmsRu};

/// What [`SmsRu::cost`] is asked about.
#[derive(Clone)]
pub struct CostRequest {
    recipients: Recipients,
    from: Option<String>,
    translit: bool,
}

/// What messages would cost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cost {
    /// Each of the recipients, in their order.
    pub recipients: Vec<RecipientCost>,
    /// All together; `None` where sms.ru does not say, as when it would refuse every one.
    pub total: Option<Money>,
    /// The parts of all together; `None` where sms.ru does not say.
    pub parts: Option<u64>,
}

/// What one message would cost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecipientCost {
    /// The number.
    pub to: PhoneNumber,
    /// The price; `None` where sms.ru would refuse the message, or the answer does not mention it.
    pub price: Option<Money>,
    /// The parts that are charged (an SMS each), where sms.ru says so.
    pub parts: Option<u64>,
    /// Why sms.ru would refuse it.
    pub refusal: Option<Refusal>,
}

impl CostRequest {
    /// One text to 1 to 100 numbers, each of them once. Of an empty text sms.ru gives the price of
    /// one part.
    pub fn new(to: impl IntoIterator<Item = PhoneNumber>, text: impl AsRef<str>) -> Self {
        Self { recipients: Recipients::of_one_text(to, text.as_ref()), from: None, translit: false }
    }

    /// A text of its own to each of 1 to 100 numbers, each of them once.
    pub fn each(messages: impl IntoIterator<Item = (PhoneNumber, String)>) -> Self {
        Self { recipients: Recipients::of_a_text_each(messages), from: None, translit: false }
    }

    /// The sender name. Defaults to the configured one.
    pub fn from(mut self, from: impl Into<String>) -> Self {
        self.from = Some(from.into());
        self
    }

    /// Turns Cyrillic into Latin letters, which makes fewer parts.
    pub fn translit(mut self, translit: bool) -> Self {
        self.translit = translit;
        self
    }

    fn check(&self) -> Result<()> {
        let mut faults: Vec<FieldError> = self.recipients.faults().into_iter().collect();
        if self.from.as_deref().is_some_and(|from| !is_sender_name(from)) {
            faults.push(FieldError::new(
                "from",
                "from_invalid",
                format!("must be {SENDER_NAME_RULE}"),
            ));
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::invalid(faults)) }
    }
}

impl fmt::Debug for CostRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recipients = self.recipients.numbers().count();
        f.debug_struct("CostRequest").field("recipients", &recipients).finish_non_exhaustive()
    }
}

impl SmsRu {
    /// `sms/cost`: what these messages would cost. Nothing is sent or charged.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu). That one message would be refused is no error but its part
    /// of the answer.
    pub async fn cost(&self, request: &CostRequest) -> Result<Cost> {
        request.check()?;
        let from = request.from.as_deref().or(self.config().from.as_deref());
        let form = request::to(self.form(), &request.recipients.wire())
            .with_some("from", from)
            .with_flag("translit", request.translit);
        let texts = request.recipients.texts();
        let reply = self.ask("sms/cost", form, &texts).await?;
        let entries = reply.entries("sms");
        let mut said: HashMap<u64, Vec<&Node>> = HashMap::new();
        for (key, node) in &entries {
            if let Some(number) = key.and_then(whole_number) {
                said.entry(canonical(number)).or_default().push(node);
            }
        }
        let by_order = said.is_empty() && entries.len() == request.recipients.numbers().count();
        let recipient = |(index, to): (usize, PhoneNumber)| {
            let said = match said.get(&canonical(to.digits())).map_or(&[][..], Vec::as_slice) {
                [first, others @ ..] if others.iter().all(|other| other == first) => Some(*first),
                [] if by_order => Some(entries[index].1),
                _ => None,
            };
            self.recipient_cost(to, said, &texts)
        };
        Ok(Cost {
            recipients: request.recipients.numbers().enumerate().map(recipient).collect(),
            total: reply.money("total_cost"),
            parts: reply.count("total_sms"),
        })
    }

    fn recipient_cost(
        &self,
        to: PhoneNumber,
        said: Option<&Node>,
        texts: &[&str],
    ) -> RecipientCost {
        let mut cost = RecipientCost { to, price: None, parts: None, refusal: None };
        match said.map(|said| (verdict(said), said)) {
            Some((Verdict::Ok, said)) => {
                cost.price = said.money("cost");
                cost.parts = said.count("sms");
            }
            Some((Verdict::Refused(code), said)) => {
                let credentials = &self.config().credentials;
                cost.refusal = Some(said::refusal(Some(code), said, texts, credentials));
            }
            Some((Verdict::Unclear, _)) | None => {}
        }
        cost
    }
}
