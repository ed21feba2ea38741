//! Receipts: sms.ru's codes as what core understands.

use std::collections::HashSet;
use std::time::Duration;

use sms_core::provider::{Polling, ProviderRef};
use sms_core::{Receipt, Receipts, Result, async_trait};

use crate::SmsRu;
use crate::code::{self, Level};
use crate::config::{MAX_BATCH, MAX_POLL};
use crate::methods::status::is_message_id;
use crate::submit::submit::NAME;

/// sms.ru's callbacks come for up to five days; what it has not said after three it does not know.
const GIVE_UP: Duration = Duration::from_hours(72);

#[async_trait]
impl Receipts for SmsRu {
    fn polling(&self) -> Polling {
        Polling {
            first: self.config().poll_first,
            max: MAX_POLL,
            give_up: GIVE_UP,
            batch: MAX_BATCH,
        }
    }

    async fn query(&self, ids: &[ProviderRef]) -> Result<Vec<Receipt>> {
        let mut seen = HashSet::new();
        let ids = ids.iter().map(|id| &*id.provider_id);
        let ids: Vec<&str> = ids.filter(|id| is_message_id(id) && seen.insert(*id)).collect();
        let mut receipts = Vec::new();
        for ids in ids.chunks(MAX_BATCH) {
            let known = self.status(ids).await?.into_iter().filter(|status| status.state.is_some());
            receipts.extend(known.filter_map(|status| receipt(&status.id, status.code)));
        }
        Ok(receipts)
    }
}

/// The receipt a delivery code is; `None` when it says nothing about the message.
pub(crate) fn receipt(id: &str, code: i32) -> Option<Receipt> {
    let state = code::of_delivery(code)?;
    let row = code::find(code, Level::Delivery);
    if row.is_none() {
        tracing::warn!(code, "sms.ru gave a delivery code that this version does not know");
    }
    let words = row.map_or(code::UNKNOWN_DELIVERY, |row| row.en);
    Some(Receipt::new(NAME, id, state).with_code(code, words))
}
