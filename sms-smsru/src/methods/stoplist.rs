//! The account's stop-list: numbers sms.ru refuses to send to for us (209).

use sms_core::{PhoneNumber, Result};

use crate::SmsRu;
use crate::wire::json::Node;
use crate::wire::whole_number;

/// A number in the stop-list. Its `Debug` masks the number and leaves out the note.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopListEntry {
    /// The number.
    pub phone: PhoneNumber,
    /// The note it was added with, for oneself; empty for none.
    pub note: String,
}

impl std::fmt::Debug for StopListEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StopListEntry").field("phone", &self.phone).finish_non_exhaustive()
    }
}

impl SmsRu {
    /// `stoplist/add`: from now on messages to this number are refused with 209 and not charged.
    /// `note` is for oneself. Adding a number again changes its note.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn stoplist_add(&self, phone: PhoneNumber, note: &str) -> Result<()> {
        let form = self.form().with("stoplist_phone", phone.digits()).with("stoplist_text", note);
        self.ask("stoplist/add", form, &[note]).await.map(drop)
    }

    /// `stoplist/del`: takes a number out again.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn stoplist_del(&self, phone: PhoneNumber) -> Result<()> {
        let form = self.form().with("stoplist_phone", phone.digits());
        self.ask("stoplist/del", form, &[]).await.map(drop)
    }

    /// `stoplist/get`: the numbers in it, in sms.ru's order.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn stoplist_get(&self) -> Result<Vec<StopListEntry>> {
        let reply = self.ask("stoplist/get", self.form(), &[]).await?;
        let entries = reply.entries("stoplist");
        let list: Vec<StopListEntry> =
            entries.iter().filter_map(|(key, said)| entry(*key, said)).collect();
        if list.len() < entries.len() {
            tracing::warn!(
                left_out = entries.len() - list.len(),
                "sms.ru's stop-list holds no numbers there"
            );
        }
        Ok(list)
    }
}

/// A number and its note; in a list, which has no numbers for keys, the text is the number.
fn entry(key: Option<&str>, said: &Node) -> Option<StopListEntry> {
    let text = match said {
        Node::Text(text) => text.trim().to_owned(),
        Node::Number(number) => number.to_string(),
        _ => String::new(),
    };
    let (number, note) = key.map_or((&*text, String::new()), |key| (key, text.clone()));
    let phone = PhoneNumber::from_digits(whole_number(number)?)?;
    Some(StopListEntry { phone, note })
}
