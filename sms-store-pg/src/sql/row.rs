//! Conversion of rows into the types of the library.

use std::time::Duration;

use sms_core::clock::datetime_from_ms;
use sms_core::message::text::Encoding;
use sms_core::message::{IdempotencyKey, LeaseInfo, MessageState};
use sms_core::{
    Class, MessageId, Metadata, Money, NewMessage, OnUnknown, PhoneNumber, Receipt, ReceiptState,
    Result, Route, Status, StoredMessage,
};
use sqlx::postgres::PgRow;
use sqlx::{Decode, Postgres, Row as _, Type};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::{from_sqlx, undecodable};

/// The columns of a whole message, in the order in which [`stored_message`] reads them.
macro_rules! whole_message {
    () => {
        "m.id, m.owner, m.key, m.fingerprint, m.to_number, m.text, m.sender, m.class, \
         m.route, m.reference, m.metadata, m.options, m.encoding, m.parts, m.send_at, \
         m.deadline_ms, m.max_attempts, m.on_unknown, m.resend, s.status, s.created_at, \
         s.updated_at, s.due_at, s.valid_until, s.attempts, s.resends, s.fence, s.worker, \
         s.lease_since, s.lease_until, s.unknown_at, s.provider, s.provider_id, \
         s.provider_parts, s.code, s.reason, s.cost"
    };
}
pub(crate) use whole_message;

pub(crate) const WHOLE_MESSAGE: &str = whole_message!();

/// A reader of the columns of a row, in the order of the statement.
pub(crate) struct Columns<'r> {
    row: &'r PgRow,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn new(row: &'r PgRow) -> Self {
        Self { row, next: 0 }
    }

    /// Reads the next column.
    pub(crate) fn take<T: Decode<'r, Postgres> + Type<Postgres>>(&mut self) -> Result<T> {
        let value = self.row.try_get(self.next).map_err(from_sqlx)?;
        self.next += 1;
        Ok(value)
    }

    pub(crate) fn id(&mut self) -> Result<MessageId> {
        self.take().map(message_id)
    }

    /// A `bigint`.
    pub(crate) fn large<T: TryFrom<i64>>(&mut self, what: &'static str) -> Result<T> {
        T::try_from(self.take::<i64>()?).map_err(|_| undecodable(what))
    }

    /// An `integer`.
    pub(crate) fn number<T: TryFrom<i32>>(&mut self, what: &'static str) -> Result<T> {
        T::try_from(self.take::<i32>()?).map_err(|_| undecodable(what))
    }

    /// A `smallint`.
    pub(crate) fn small<T: TryFrom<i16>>(&mut self, what: &'static str) -> Result<T> {
        T::try_from(self.take::<i16>()?).map_err(|_| undecodable(what))
    }

    /// The value of an enum that is stored by its number, a `smallint`.
    pub(crate) fn numbered<T>(
        &mut self,
        what: &'static str,
        from_number: fn(i64) -> Option<T>,
    ) -> Result<T> {
        from_number(self.take::<i16>()?.into()).ok_or_else(|| undecodable(what))
    }

    pub(crate) fn time(&mut self) -> Result<OffsetDateTime> {
        self.take().map(datetime_from_ms)
    }

    pub(crate) fn some_time(&mut self) -> Result<Option<OffsetDateTime>> {
        Ok(self.take::<Option<i64>>()?.map(datetime_from_ms))
    }

    pub(crate) fn status(&mut self) -> Result<Status> {
        self.numbered("status", Status::from_number)
    }

    /// An amount, stored in millionths.
    pub(crate) fn money(&mut self) -> Result<Option<Money>> {
        Ok(self.take::<Option<i64>>()?.map(Money::from_micros))
    }

    /// The state, code, text, time and cost of a receipt about this message.
    pub(crate) fn receipt(&mut self, provider: &str, provider_id: &str) -> Result<Receipt> {
        let state = self.numbered("receipt", ReceiptState::from_number)?;
        let mut receipt = Receipt::new(provider, provider_id, state);
        (receipt.code, receipt.text, receipt.at) = (self.take()?, self.take()?, self.some_time()?);
        receipt.cost = self.money()?;
        receipt.cost_later = self.take::<Option<bool>>()?.unwrap_or(false);
        Ok(receipt)
    }

    pub(crate) fn phone(&mut self) -> Result<PhoneNumber> {
        let digits = self.large("number")?;
        PhoneNumber::from_stored(digits).ok_or_else(|| undecodable("number"))
    }

    pub(crate) fn route(&mut self) -> Result<Route> {
        self.take::<&str>()?.parse().map_err(|_| undecodable("route"))
    }

    /// A JSON text; NULL stands for the default.
    pub(crate) fn json<T: Default>(
        &mut self,
        what: &'static str,
        parse: impl FnOnce(&'r str) -> serde_json::Result<T>,
    ) -> Result<T> {
        let text: Option<&str> = self.take()?;
        let value =
            text.map(parse).transpose().map_err(|error| undecodable(what).with_source(error))?;
        Ok(value.unwrap_or_default())
    }
}

fn message_id(id: Uuid) -> MessageId {
    MessageId::from_bytes(id.into_bytes())
}

/// The ids in the first column.
pub(crate) fn ids(rows: &[PgRow]) -> Result<Vec<MessageId>> {
    rows.iter().map(|row| Columns::new(row).id()).collect()
}

/// Reads a row of [`WHOLE_MESSAGE`].
pub(crate) fn stored_message(row: &PgRow) -> Result<StoredMessage> {
    let mut columns = Columns::new(row);
    let (id, owner, key) = (columns.id()?, columns.take()?, idempotency_key(&mut columns)?);
    let (to, text, from) = (columns.phone()?, columns.take()?, columns.take()?);
    let class = columns.numbered("class", Class::from_number)?;
    let (route, reference) = (columns.route()?, columns.take()?);
    let metadata = columns.json("metadata", |json| Metadata::from_stored(json.to_owned()))?;
    let options = columns.json("options", serde_json::from_str)?;
    let (encoding, parts) =
        (columns.numbered("encoding", Encoding::from_number)?, columns.small("number of parts")?);
    let mut message = NewMessage::new(id, to, text, encoding, parts);
    (message.owner, message.key, message.from) = (owner, key, from);
    (message.class, message.route, message.reference) = (class, route, reference);
    (message.metadata, message.options) = (metadata, options);
    message.send_at = columns.some_time()?;
    message.deadline = Duration::from_millis(columns.large("deadline")?);
    message.max_attempts = columns.number("limit of attempts")?;
    message.on_unknown = columns.numbered("policy", OnUnknown::from_number)?;
    message.resend = columns.json("resend", |json| serde_json::from_str(json).map(Some))?;

    let (status, created_at, updated_at) = (columns.status()?, columns.time()?, columns.time()?);
    let (due_at, valid_until) = (columns.time()?, columns.time()?);
    let mut state = MessageState::new(status, created_at, valid_until);
    (state.updated_at, state.due_at) = (updated_at, due_at);
    state.attempts = columns.small("number of attempts")?;
    state.resends = columns.small("number of resends")?;
    state.fence = columns.number("fence")?;
    state.lease = lease_info(&mut columns)?;
    state.unknown_at = columns.some_time()?;
    state.provider = columns.take()?;
    state.provider_id = columns.take()?;
    state.provider_parts = columns.json("parts", serde_json::from_str)?;
    state.code = columns.take()?;
    state.reason = columns.take()?;
    state.cost = columns.money()?;
    Ok(StoredMessage::new(message, state))
}

fn idempotency_key(columns: &mut Columns<'_>) -> Result<Option<IdempotencyKey>> {
    let (key, fingerprint): (Option<String>, Option<&[u8]>) = (columns.take()?, columns.take()?);
    let Some((key, fingerprint)) = key.zip(fingerprint) else { return Ok(None) };
    let fingerprint = fingerprint.try_into().map_err(|_| undecodable("fingerprint"))?;
    Ok(Some(IdempotencyKey::new(key, fingerprint)))
}

fn lease_info(columns: &mut Columns<'_>) -> Result<Option<LeaseInfo>> {
    let (worker, since, until) =
        (columns.take::<Option<String>>()?, columns.some_time()?, columns.some_time()?);
    let (Some(worker), Some(since), Some(until)) = (worker, since, until) else { return Ok(None) };
    Ok(Some(LeaseInfo::new(worker, since, until)))
}
