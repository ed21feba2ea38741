//! Erasure in memory.

use std::ops::Bound;

use super::row::Row;
use super::tables::Tables;
use crate::clock::{UnixMs, duration_to_ms};
use crate::erasure::{
    EraseMessages, EraseNumber, ErasedNumber, MAX_REMAINING, RemoveTexts, RemovedTexts,
    needs_recipient,
};
use crate::message::phone::PhoneNumber;
use crate::message::{MessageId, Metadata, SendOptions};
use crate::store::BulkResult;

pub(super) fn erase(tables: &mut Tables, request: &EraseMessages) -> Vec<BulkResult> {
    let mut results = Vec::with_capacity(request.ids.len());
    for id in &request.ids {
        let row = tables.rows.get(id);
        let row = row.filter(|row| request.scope.admits(row.message.owner.as_deref()));
        results.push(match row.map(|row| row.state.status) {
            None => BulkResult::Gone,
            Some(status) if needs_recipient(status) => BulkResult::Refused(status),
            Some(status) => {
                erase_one(tables, *id);
                BulkResult::Done(status)
            }
        });
    }
    results
}

fn erase_one(tables: &mut Tables, id: MessageId) {
    let Some(Row { message, state, .. }) = tables.rows.get_mut(&id) else { return };
    message.to = PhoneNumber::ERASED;
    message.text.clear();
    (message.reference, message.key, state.reason) = (None, None, None);
    (message.metadata, message.options) = (Metadata::default(), SendOptions::default());
    if let Some(resend) = &mut message.resend {
        resend.reason.clear();
    }
    tables.keys.retain(|_, holder| *holder != id);
    for event in tables.events.iter_mut().filter(|event| event.message_id == id) {
        event.details.text = None;
    }
}

/// Erases a number from messages and receipts. The items of worklists are another table.
pub(super) fn erase_number(tables: &mut Tables, request: EraseNumber) -> ErasedNumber {
    let number = request.number;
    let of_number = || tables.rows.values().filter(move |row| row.message.to == number);
    let ended = of_number().filter(|row| !needs_recipient(row.state.status));
    let ids: Vec<MessageId> = ended.map(|row| row.message.id).take(request.limit).collect();
    let mut erased = ErasedNumber { messages: ids.len(), ..ErasedNumber::default() };
    if ids.len() == request.limit {
        erased.has_more = true;
    } else {
        erased.remaining = of_number().count().saturating_sub(ids.len()).min(MAX_REMAINING);
        let digits = number.digits().to_string();
        let before = tables.parked.len();
        tables.parked.retain(|(_, receipt)| {
            !receipt.text.as_ref().is_some_and(|text| text.contains(&digits))
        });
        erased.receipts = before - tables.parked.len();
    }
    for id in ids {
        erase_one(tables, id);
    }
    erased
}

pub(super) fn remove_texts(tables: &mut Tables, now: UnixMs, request: RemoveTexts) -> RemovedTexts {
    let before = now.saturating_sub(duration_to_ms(request.older_than));
    let after = request.after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut result = RemovedTexts { position: request.after, ..RemovedTexts::default() };
    let mut examined = 0;
    for (id, row) in tables.rows.range_mut((after, Bound::Unbounded)).take(request.limit) {
        if row.created_at >= before {
            return result;
        }
        (examined, result.position) = (examined + 1, Some(*id));
        if row.state.may_be_purged(before)
            && !needs_recipient(row.state.status)
            && !row.message.text.is_empty()
        {
            row.message.text.clear();
            result.removed += 1;
        }
    }
    result.has_more = examined == request.limit;
    result
}
