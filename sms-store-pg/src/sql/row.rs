//! Rows of PostgreSQL as the library's types.

use std::time::Duration;

use sms_core::clock::{StoreTime, datetime_from_ms};
use sms_core::message::text::Encoding;
use sms_core::message::{IdempotencyKey, LeaseInfo, MessageState};
use sms_core::store::Begun;
use sms_core::store::decision::AttemptState;
use sms_core::store::transition::{DeliveryState, HeldLease};
use sms_core::{
    Class, Event, EventKind, MessageId, Metadata, NewMessage, OnUnknown, PhoneNumber, Receipt,
    ReceiptState, Result, Status, StoredMessage, Submission,
};
use sqlx::postgres::PgRow;
use sqlx::{Decode, Postgres, Row as _, Type};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::{from_sqlx, undecodable};

/// The columns of a row, from the first to the last, in the order of the statement.
pub(crate) struct Columns<'r> {
    row: &'r PgRow,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn new(row: &'r PgRow) -> Self {
        Self { row, next: 0 }
    }

    /// The next column.
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
    fn numbered<T>(&mut self, what: &'static str, from_number: fn(i64) -> Option<T>) -> Result<T> {
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

    /// The state, code, text and time of a receipt about this message.
    pub(crate) fn receipt(&mut self, provider: &str, provider_id: &str) -> Result<Receipt> {
        let state = self.numbered("receipt", ReceiptState::from_number)?;
        let mut receipt = Receipt::new(provider, provider_id, state);
        (receipt.code, receipt.text, receipt.at) = (self.take()?, self.take()?, self.some_time()?);
        Ok(receipt)
    }

    fn phone(&mut self) -> Result<PhoneNumber> {
        let digits = self.large("number")?;
        PhoneNumber::from_digits(digits).ok_or_else(|| undecodable("number"))
    }

    /// A JSON text; NULL stands for the default.
    fn json<T: Default>(
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

/// Reads a row of [`sql::WHOLE_MESSAGE`](crate::sql::WHOLE_MESSAGE).
pub(crate) fn stored_message(row: &PgRow) -> Result<StoredMessage> {
    let mut columns = Columns::new(row);
    let message = NewMessage {
        id: columns.id()?,
        owner: columns.take()?,
        key: idempotency_key(&mut columns)?,
        to: columns.phone()?,
        text: columns.take()?,
        from: columns.take()?,
        class: columns.numbered("class", Class::from_number)?,
        reference: columns.take()?,
        metadata: columns.json("metadata", |json| Metadata::from_stored(json.to_owned()))?,
        options: columns.json("options", serde_json::from_str)?,
        encoding: columns.numbered("encoding", Encoding::from_number)?,
        parts: columns.small("number of parts")?,
        send_at: columns.some_time()?,
        deadline: Duration::from_millis(columns.large("deadline")?),
        max_attempts: columns.number("limit of attempts")?,
        on_unknown: columns.numbered("policy", OnUnknown::from_number)?,
    };
    let state = MessageState {
        status: columns.status()?,
        created_at: columns.time()?,
        updated_at: columns.time()?,
        due_at: columns.time()?,
        valid_until: columns.time()?,
        attempts: columns.small("number of attempts")?,
        resends: columns.small("number of resends")?,
        fence: columns.number("fence")?,
        lease: lease_info(&mut columns)?,
        unknown_at: columns.some_time()?,
        provider: columns.take()?,
        provider_id: columns.take()?,
        code: columns.take()?,
        reason: columns.take()?,
    };
    Ok(StoredMessage { message, state })
}

fn idempotency_key(columns: &mut Columns<'_>) -> Result<Option<IdempotencyKey>> {
    let (key, fingerprint): (Option<String>, Option<&[u8]>) = (columns.take()?, columns.take()?);
    let Some((key, fingerprint)) = key.zip(fingerprint) else { return Ok(None) };
    let fingerprint = fingerprint.try_into().map_err(|_| undecodable("fingerprint"))?;
    Ok(Some(IdempotencyKey { key, fingerprint }))
}

fn lease_info(columns: &mut Columns<'_>) -> Result<Option<LeaseInfo>> {
    let (worker, since, until) = (columns.take()?, columns.some_time()?, columns.some_time()?);
    let (Some(worker), Some(since), Some(until)) = (worker, since, until) else { return Ok(None) };
    Ok(Some(LeaseInfo { worker, since, until }))
}

/// Reads the last columns of `ledger_columns!`.
pub(crate) fn delivery_state(columns: &mut Columns<'_>) -> Result<DeliveryState> {
    Ok(DeliveryState {
        status: columns.status()?,
        updated_at: columns.take()?,
        due_at: columns.take()?,
        push_at: columns.take()?,
        valid_until: columns.take()?,
        deadline_ms: columns.take()?,
        on_unknown: columns.numbered("policy", OnUnknown::from_number)?,
        attempts: columns.small("number of attempts")?,
        resends: columns.small("number of resends")?,
        fence: columns.number("fence")?,
        lease: held_lease(columns)?,
        provider: columns.take()?,
        provider_id: columns.take()?,
        code: columns.take()?,
        reason: columns.take()?,
        sent_at: columns.take()?,
        poll_at: columns.take()?,
        polls: columns.small("number of queries")?,
        unknown_at: columns.take()?,
        receipt_at: columns.take()?,
    })
}

fn held_lease(columns: &mut Columns<'_>) -> Result<Option<HeldLease>> {
    let worker: Option<String> = columns.take()?;
    let numbers: [Option<i64>; 3] = [columns.take()?, columns.take()?, columns.take()?];
    let (Some(worker), [Some(batch), Some(since), Some(until)]) = (worker, numbers) else {
        return Ok(None);
    };
    Ok(Some(HeldLease { worker, batch: batch.cast_unsigned(), since, until }))
}

/// Reads a row of [`sql::BEGIN`](crate::sql::BEGIN).
pub(crate) fn begun(row: &PgRow, time: StoreTime) -> Result<Begun> {
    let mut columns = Columns::new(row);
    let (id, to) = (columns.id()?, columns.phone()?);
    let mut submission = Submission::new(id, to, columns.take::<String>()?);
    submission.from = columns.take()?;
    submission.class = columns.numbered("class", Class::from_number)?;
    submission.options = columns.json("options", serde_json::from_str)?;
    submission.valid_until = datetime_from_ms(time.wall_at(columns.take()?));
    let fence = columns.number("fence")?;
    submission.attempt = fence;
    let attempt = AttemptState {
        attempt: columns.small("number of attempts")?,
        max_attempts: columns.number("limit of attempts")?,
        resends: columns.small("number of resends")?,
        on_unknown: columns.numbered("policy", OnUnknown::from_number)?,
        unknown_before: columns
            .take::<Option<i64>>()?
            .map(|ms| Duration::from_millis(ms.max(0).cast_unsigned())),
    };
    Ok(Begun { submission, fence, attempt })
}

/// Reads a row of the event log.
pub(crate) fn event(row: &PgRow) -> Result<Event> {
    let mut columns = Columns::new(row);
    Ok(Event {
        seq: columns.large("position")?,
        message_id: columns.id()?,
        at: columns.time()?,
        kind: EventKind::from_name(columns.take()?).ok_or_else(|| undecodable("kind"))?,
        status: columns.status()?,
        details: columns.json("details", serde_json::from_str)?,
    })
}
