//! Conversion of rows into the types of the library.

use std::time::Duration;

use rusqlite::Row;
use rusqlite::types::{FromSql, ValueRef};
use sms_core::clock::datetime_from_ms;
use sms_core::message::text::Encoding;
use sms_core::message::{Fingerprint, IdempotencyKey, LeaseInfo, MessageState};
use sms_core::{
    Class, MessageId, Metadata, Money, NewMessage, OnUnknown, PhoneNumber, Receipt, ReceiptState,
    Route, Status, StoredMessage,
};
use time::OffsetDateTime;

use crate::error::{DbResult, undecodable};

/// A reader of the columns of a row, in the order of the statement.
pub(crate) struct Columns<'r> {
    row: &'r Row<'r>,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn new(row: &'r Row<'r>) -> Self {
        Self { row, next: 0 }
    }

    /// Reads the next column.
    pub(crate) fn take<T: FromSql>(&mut self) -> DbResult<T> {
        let value = self.row.get(self.next)?;
        self.next += 1;
        Ok(value)
    }

    /// Reads the next column without a copy.
    fn borrow(&mut self) -> DbResult<ValueRef<'r>> {
        let value = self.row.get_ref(self.next)?;
        self.next += 1;
        Ok(value)
    }

    fn text(&mut self, what: &'static str) -> DbResult<&'r str> {
        Ok(self.borrow()?.as_str().map_err(|_| undecodable(what))?)
    }

    pub(crate) fn id(&mut self) -> DbResult<MessageId> {
        self.take().map(MessageId::from_bytes)
    }

    pub(crate) fn number<T: TryFrom<i64>>(&mut self, what: &'static str) -> DbResult<T> {
        Ok(T::try_from(self.take::<i64>()?).map_err(|_| undecodable(what))?)
    }

    pub(crate) fn time(&mut self) -> DbResult<OffsetDateTime> {
        self.take().map(datetime_from_ms)
    }

    pub(crate) fn status(&mut self) -> DbResult<Status> {
        Ok(Status::from_number(self.take()?).ok_or_else(|| undecodable("status"))?)
    }

    /// The value of an enum that is stored by its name.
    pub(crate) fn named<T>(
        &mut self,
        what: &'static str,
        from_name: fn(&str) -> Option<T>,
    ) -> DbResult<T> {
        Ok(from_name(self.text(what)?).ok_or_else(|| undecodable(what))?)
    }

    pub(crate) fn on_unknown(&mut self) -> DbResult<OnUnknown> {
        self.named("policy", OnUnknown::from_name)
    }

    pub(crate) fn code(&mut self) -> DbResult<Option<i32>> {
        let code: Option<i64> = self.take()?;
        Ok(code.map(i32::try_from).transpose().map_err(|_| undecodable("code"))?)
    }

    /// An amount, stored in millionths.
    pub(crate) fn money(&mut self) -> DbResult<Option<Money>> {
        Ok(self.take::<Option<i64>>()?.map(Money::from_micros))
    }

    /// The state, code, text, time and cost of a receipt about this message.
    pub(crate) fn receipt(&mut self, provider: &str, provider_id: &str) -> DbResult<Receipt> {
        let state = self.named("receipt", ReceiptState::from_name)?;
        let mut receipt = Receipt::new(provider, provider_id, state);
        (receipt.code, receipt.text) = (self.code()?, self.take()?);
        receipt.at = self.take::<Option<i64>>()?.map(datetime_from_ms);
        receipt.cost = self.money()?;
        receipt.cost_later = self.take::<Option<bool>>()?.unwrap_or(false);
        Ok(receipt)
    }

    pub(crate) fn class(&mut self) -> DbResult<Class> {
        self.named("class", Class::from_name)
    }

    pub(crate) fn phone(&mut self) -> DbResult<PhoneNumber> {
        let digits = self.number("number")?;
        Ok(PhoneNumber::from_stored(digits).ok_or_else(|| undecodable("number"))?)
    }

    pub(crate) fn route(&mut self) -> DbResult<Route> {
        Ok(self.text("route")?.parse().map_err(|_| undecodable("route"))?)
    }

    /// A JSON text; NULL stands for the default.
    pub(crate) fn json<T: Default>(
        &mut self,
        what: &'static str,
        parse: impl FnOnce(&'r str) -> serde_json::Result<T>,
    ) -> DbResult<T> {
        let text = self.borrow()?.as_str_or_null().map_err(|_| undecodable(what))?;
        let value =
            text.map(parse).transpose().map_err(|error| undecodable(what).with_source(error))?;
        Ok(value.unwrap_or_default())
    }
}

/// Reads a row of [`GET`](crate::sql::read::GET).
pub(crate) fn stored_message(row: &Row<'_>) -> DbResult<StoredMessage> {
    let mut columns = Columns::new(row);
    let (id, owner, key) = (columns.id()?, columns.take()?, idempotency_key(&mut columns)?);
    let (to, text, from) = (columns.phone()?, columns.take()?, columns.take()?);
    let class = columns.class()?;
    let (route, reference) = (columns.route()?, columns.take()?);
    let metadata = columns.json("metadata", |json| Metadata::from_stored(json.to_owned()))?;
    let options = columns.json("options", serde_json::from_str)?;
    let (encoding, parts) =
        (columns.named("encoding", Encoding::from_name)?, columns.number("number of parts")?);
    let mut message = NewMessage::new(id, to, text, encoding, parts);
    (message.owner, message.key, message.from) = (owner, key, from);
    (message.class, message.route, message.reference) = (class, route, reference);
    (message.metadata, message.options) = (metadata, options);
    message.send_at = columns.take::<Option<i64>>()?.map(datetime_from_ms);
    message.deadline = Duration::from_millis(columns.number("deadline")?);
    message.max_attempts = columns.number("limit of attempts")?;
    message.on_unknown = columns.on_unknown()?;
    message.resend = columns.json("resend", |json| serde_json::from_str(json).map(Some))?;

    let (status, created_at, updated_at) = (columns.status()?, columns.time()?, columns.time()?);
    let (due_at, valid_until) = (columns.time()?, columns.time()?);
    let mut state = MessageState::new(status, created_at, valid_until);
    (state.updated_at, state.due_at) = (updated_at, due_at);
    state.attempts = columns.number("number of attempts")?;
    state.resends = columns.number("number of resends")?;
    state.fence = columns.number("fence")?;
    state.lease = lease_info(&mut columns)?;
    state.unknown_at = columns.take::<Option<i64>>()?.map(datetime_from_ms);
    state.provider = columns.take()?;
    state.provider_id = columns.take()?;
    state.provider_parts = columns.json("parts", serde_json::from_str)?;
    state.code = columns.code()?;
    state.reason = columns.take()?;
    state.cost = columns.money()?;
    Ok(StoredMessage::new(message, state))
}

fn idempotency_key(columns: &mut Columns<'_>) -> DbResult<Option<IdempotencyKey>> {
    let (key, fingerprint): (Option<String>, Option<Fingerprint>) =
        (columns.take()?, columns.take()?);
    Ok(key.zip(fingerprint).map(|(key, fingerprint)| IdempotencyKey::new(key, fingerprint)))
}

fn lease_info(columns: &mut Columns<'_>) -> DbResult<Option<LeaseInfo>> {
    let (worker, since, until) =
        (columns.take::<Option<String>>()?, columns.take()?, columns.take()?);
    let (Some(worker), Some(since), Some(until)) = (worker, since, until) else { return Ok(None) };
    Ok(Some(LeaseInfo::new(worker, datetime_from_ms(since), datetime_from_ms(until))))
}
