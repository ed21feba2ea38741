//! `sms/status`: the delivery status of accepted messages.

use std::collections::HashSet;

use sms_core::{FieldError, Money, ReceiptState, Result};

use crate::client::api_client::ApiClient;
use crate::code::{self, Level};
use crate::config::MAX_BATCH;
use crate::wire::id::is_message_id;
use crate::wire::json::Node;
use crate::wire::verdict::{StatusCode, is_error, status_code};

/// The delivery status of one accepted message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageStatus {
    /// The id of the message at sms.ru.
    pub id: String,
    /// The code: 100 to 150, -1 for an id that sms.ru does not know, or an unknown code.
    pub code: i32,
    /// The meaning of the code; `None` for a code that says nothing about a message, such as -1. An
    /// unknown code counts as in transit.
    pub state: Option<ReceiptState>,
    /// The price of the message, if sms.ru reports it.
    pub cost: Option<Money>,
}

impl MessageStatus {
    /// Describes the code in plain English.
    pub fn text(&self) -> &'static str {
        code::find(self.code, Level::Delivery).map_or(code::UNKNOWN_DELIVERY, |row| row.en)
    }
}

pub(crate) async fn status(client: &ApiClient, ids: &[&str]) -> Result<Vec<MessageStatus>> {
    if !(1..=MAX_BATCH).contains(&ids.len()) {
        return Err(FieldError::new("ids", "ids_count", "must be 1 to 100 ids").into());
    }
    if !ids.iter().all(|id| is_message_id(id)) {
        return Err(FieldError::new("ids", "id_invalid", "must be ids that sms.ru gave").into());
    }
    let form = client.form().with("sms_id", ids.join(","));
    let reply = client.call("sms/status", form, &[]).await?;
    let entries = reply.entries("sms");
    let mut seen = HashSet::new();
    let unique_ids = ids.iter().filter(|id| seen.insert(**id));
    Ok(unique_ids.filter_map(|id| message_status(id, &entries)).collect())
}

/// Reads the status of one message; `None` if the reply has no readable entry for it, or entries
/// that contradict each other.
fn message_status(id: &str, entries: &[(Option<&str>, &Node)]) -> Option<MessageStatus> {
    let mut found = entries.iter().filter(|(key, _)| key.is_some_and(|key| key.trim() == id));
    let (_, entry) = found.next()?;
    let StatusCode::Is(code) = status_code(entry) else { return None };
    if found.any(|(_, other)| other != entry) {
        return None;
    }
    // With the status `ERROR` sms.ru refuses the query, so the code says nothing about the message.
    let state = if is_error(entry) { None } else { code::delivery_state(code) };
    Some(MessageStatus { id: id.to_owned(), code, state, cost: entry.money("cost") })
}
