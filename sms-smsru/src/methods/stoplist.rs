//! `stoplist/…`: the numbers that the account never sends to. Messages to them are refused with
//! 209.

use sms_core::{PhoneNumber, Result};

use crate::client::api_client::ApiClient;
use crate::wire::json::Node;
use crate::wire::number::phone_digits;

/// A number in the stop-list. `Debug` masks the number and does not show the note.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopListEntry {
    /// The phone number.
    pub phone: PhoneNumber,
    /// The private note about the number; empty if there is none.
    pub note: String,
}

impl std::fmt::Debug for StopListEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StopListEntry").field("phone", &self.phone).finish_non_exhaustive()
    }
}

pub(crate) async fn add(client: &ApiClient, phone: PhoneNumber, note: &str) -> Result<()> {
    let form = client.form().with("stoplist_phone", phone.digits()).with("stoplist_text", note);
    client.call("stoplist/add", form, &[note]).await.map(drop)
}

pub(crate) async fn del(client: &ApiClient, phone: PhoneNumber) -> Result<()> {
    let form = client.form().with("stoplist_phone", phone.digits());
    client.call("stoplist/del", form, &[]).await.map(drop)
}

pub(crate) async fn get(client: &ApiClient) -> Result<Vec<StopListEntry>> {
    let reply = client.call("stoplist/get", client.form(), &[]).await?;
    let entries = reply.entries("stoplist");
    let list: Vec<StopListEntry> =
        entries.iter().filter_map(|(key, value)| entry(*key, value)).collect();
    if list.len() < entries.len() {
        tracing::warn!(
            skipped = entries.len() - list.len(),
            "entries of the stop-list without a phone number were skipped"
        );
    }
    Ok(list)
}

/// Reads an entry. A map has the number as the key and the note as the value. A list has the number
/// as the value.
fn entry(key: Option<&str>, value: &Node) -> Option<StopListEntry> {
    let text = match value {
        Node::Text(text) => text.trim().to_owned(),
        Node::Number(number) => number.to_string(),
        _ => String::new(),
    };
    let (number, note) = key.map_or((&*text, String::new()), |key| (key, text.clone()));
    let phone = PhoneNumber::from_digits(phone_digits(number)?)?;
    Some(StopListEntry { phone, note })
}
