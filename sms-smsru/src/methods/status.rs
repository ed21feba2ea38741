//! `sms/status`: what became of accepted messages.

use std::collections::HashSet;

use sms_core::{FieldError, Money, ReceiptState, Result};

use crate::SmsRu;
use crate::code::{self, Level};
use crate::config::MAX_BATCH;
use crate::wire::is_id;
use crate::wire::json::Node;
use crate::wire::verdict::{Code, code as code_of, is_error};

/// What sms.ru says of one message it accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageStatus {
    /// The id sms.ru accepted it under.
    pub id: String,
    /// The code: 100 to 150, -1 for an id sms.ru does not know, or one this version does not know.
    pub code: i32,
    /// What the code says; `None` where it says nothing about a message, as -1. A code this version
    /// does not know counts as in transit.
    pub state: Option<ReceiptState>,
    /// What the message cost, where sms.ru says so.
    pub cost: Option<Money>,
}

impl MessageStatus {
    /// The code in plain English.
    pub fn text(&self) -> &'static str {
        code::find(self.code, Level::Delivery).map_or(code::UNKNOWN_DELIVERY, |row| row.en)
    }
}

impl SmsRu {
    /// `sms/status`: what became of 1 to 100 messages. Those the answer does not mention, or not in
    /// a readable way, are left out.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn status(&self, ids: &[impl AsRef<str> + Sync]) -> Result<Vec<MessageStatus>> {
        let ids: Vec<&str> = ids.iter().map(AsRef::as_ref).collect();
        if !(1..=MAX_BATCH).contains(&ids.len()) {
            return Err(FieldError::new("ids", "ids_count", "must be 1 to 100 ids").into());
        }
        if !ids.iter().all(|id| is_message_id(id)) {
            return Err(FieldError::new("ids", "id_invalid", "must be ids that sms.ru gave").into());
        }
        let reply = self.ask("sms/status", self.form().with("sms_id", ids.join(",")), &[]).await?;
        let entries = reply.entries("sms");
        let mut seen = HashSet::new();
        let asked = ids.into_iter().filter(|id| seen.insert(*id));
        Ok(asked.filter_map(|id| status(id, &entries)).collect())
    }
}

/// Whether this can be the id of a message, and one among others in a list.
pub(crate) fn is_message_id(id: &str) -> bool {
    is_id(id) && !id.contains(',')
}

/// What the reply says of one message; `None` for nothing, or two things.
fn status(id: &str, entries: &[(Option<&str>, &Node)]) -> Option<MessageStatus> {
    let mut about = entries.iter().filter(|(key, _)| key.is_some_and(|key| key.trim() == id));
    let (_, said) = about.next()?;
    let Code::Is(code) = code_of(said) else { return None };
    if about.any(|(_, other)| other != said) {
        return None;
    }
    // What is refused there is the question, whatever the code.
    let state = if is_error(said) { None } else { code::of_delivery(code) };
    Some(MessageStatus { id: id.to_owned(), code, state, cost: said.money("cost") })
}
