//! Rows of SQLite as the library's types.

use std::time::Duration;

use rusqlite::Row;
use rusqlite::types::{FromSql, ValueRef};
use sms_core::clock::{StoreTime, datetime_from_ms};
use sms_core::message::text::Encoding;
use sms_core::message::{Fingerprint, IdempotencyKey, LeaseInfo, MessageState};
use sms_core::store::Begun;
use sms_core::store::decision::AttemptState;
use sms_core::store::transition::{DeliveryState, HeldLease};
use sms_core::{
    Class, Event, EventKind, MessageId, Metadata, NewMessage, OnUnknown, PhoneNumber, Receipt,
    ReceiptState, Status, StoredMessage, Submission,
};
use time::OffsetDateTime;

use crate::error::{DbResult, undecodable};

/// The columns of a row, from the first to the last, in the order of the statement.
pub(crate) struct Columns<'r> {
    row: &'r Row<'r>,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn new(row: &'r Row<'r>) -> Self {
        Self { row, next: 0 }
    }

    /// The next column.
    pub(crate) fn take<T: FromSql>(&mut self) -> DbResult<T> {
        let value = self.row.get(self.next)?;
        self.next += 1;
        Ok(value)
    }

    /// The next column, as it lies in the row.
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
    fn named<T>(&mut self, what: &'static str, from_name: fn(&str) -> Option<T>) -> DbResult<T> {
        Ok(from_name(self.text(what)?).ok_or_else(|| undecodable(what))?)
    }

    fn on_unknown(&mut self) -> DbResult<OnUnknown> {
        self.named("policy", OnUnknown::from_name)
    }

    pub(crate) fn code(&mut self) -> DbResult<Option<i32>> {
        let code: Option<i64> = self.take()?;
        Ok(code.map(i32::try_from).transpose().map_err(|_| undecodable("code"))?)
    }

    /// The state, code, text and time of a receipt about this message.
    pub(crate) fn receipt(&mut self, provider: &str, provider_id: &str) -> DbResult<Receipt> {
        let state = self.named("receipt", ReceiptState::from_name)?;
        let mut receipt = Receipt::new(provider, provider_id, state);
        (receipt.code, receipt.text) = (self.code()?, self.take()?);
        receipt.at = self.take::<Option<i64>>()?.map(datetime_from_ms);
        Ok(receipt)
    }

    fn class(&mut self) -> DbResult<Class> {
        self.named("class", Class::from_name)
    }

    fn phone(&mut self) -> DbResult<PhoneNumber> {
        let digits = self.number("number")?;
        Ok(PhoneNumber::from_digits(digits).ok_or_else(|| undecodable("number"))?)
    }

    /// A JSON text; NULL stands for the default.
    fn json<T: Default>(
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

/// Reads a row of [`sql::MESSAGE_COLUMNS`](crate::sql::MESSAGE_COLUMNS).
pub(crate) fn stored_message(row: &Row<'_>) -> DbResult<StoredMessage> {
    let mut columns = Columns::new(row);
    let message = NewMessage {
        id: columns.id()?,
        owner: columns.take()?,
        key: idempotency_key(&mut columns)?,
        to: columns.phone()?,
        text: columns.take()?,
        from: columns.take()?,
        class: columns.class()?,
        reference: columns.take()?,
        metadata: columns.json("metadata", |json| Metadata::from_stored(json.to_owned()))?,
        options: columns.json("options", serde_json::from_str)?,
        encoding: columns.named("encoding", Encoding::from_name)?,
        parts: columns.number("number of parts")?,
        send_at: columns.take::<Option<i64>>()?.map(datetime_from_ms),
        deadline: Duration::from_millis(columns.number("deadline")?),
        max_attempts: columns.number("limit of attempts")?,
        on_unknown: columns.on_unknown()?,
    };
    let state = MessageState {
        status: columns.status()?,
        created_at: columns.time()?,
        updated_at: columns.time()?,
        due_at: columns.time()?,
        valid_until: columns.time()?,
        attempts: columns.number("number of attempts")?,
        resends: columns.number("number of resends")?,
        fence: columns.number("fence")?,
        lease: lease_info(&mut columns)?,
        unknown_at: columns.take::<Option<i64>>()?.map(datetime_from_ms),
        provider: columns.take()?,
        provider_id: columns.take()?,
        code: columns.code()?,
        reason: columns.take()?,
    };
    Ok(StoredMessage { message, state })
}

fn idempotency_key(columns: &mut Columns<'_>) -> DbResult<Option<IdempotencyKey>> {
    let (key, fingerprint): (Option<String>, Option<Fingerprint>) =
        (columns.take()?, columns.take()?);
    Ok(key.zip(fingerprint).map(|(key, fingerprint)| IdempotencyKey { key, fingerprint }))
}

fn lease_info(columns: &mut Columns<'_>) -> DbResult<Option<LeaseInfo>> {
    let (worker, since, until) = (columns.take()?, columns.take()?, columns.take()?);
    let (Some(worker), Some(since), Some(until)) = (worker, since, until) else { return Ok(None) };
    Ok(Some(LeaseInfo { worker, since: datetime_from_ms(since), until: datetime_from_ms(until) }))
}

/// Reads the last columns of `ledger_columns!`.
pub(crate) fn delivery_state(columns: &mut Columns<'_>) -> DbResult<DeliveryState> {
    Ok(DeliveryState {
        status: columns.status()?,
        updated_at: columns.take()?,
        due_at: columns.take()?,
        push_at: columns.take()?,
        valid_until: columns.take()?,
        deadline_ms: columns.take()?,
        on_unknown: columns.on_unknown()?,
        attempts: columns.number("number of attempts")?,
        resends: columns.number("number of resends")?,
        fence: columns.number("fence")?,
        lease: held_lease(columns)?,
        provider: columns.take()?,
        provider_id: columns.take()?,
        code: columns.code()?,
        reason: columns.take()?,
        sent_at: columns.take()?,
        poll_at: columns.take()?,
        polls: columns.number("number of queries")?,
        unknown_at: columns.take()?,
        receipt_at: columns.take()?,
    })
}

fn held_lease(columns: &mut Columns<'_>) -> DbResult<Option<HeldLease>> {
    let worker: Option<String> = columns.take()?;
    let numbers: [Option<i64>; 3] = [columns.take()?, columns.take()?, columns.take()?];
    let (Some(worker), [Some(batch), Some(since), Some(until)]) = (worker, numbers) else {
        return Ok(None);
    };
    Ok(Some(HeldLease { worker, batch: batch.cast_unsigned(), since, until }))
}

/// Reads a row of [`sql::BEGUN`](crate::sql::BEGUN).
pub(crate) fn begun(row: &Row<'_>, time: StoreTime) -> DbResult<Begun> {
    let mut columns = Columns::new(row);
    let (id, to) = (columns.id()?, columns.phone()?);
    let mut submission = Submission::new(id, to, columns.take::<String>()?);
    submission.from = columns.take()?;
    submission.class = columns.class()?;
    submission.options = columns.json("options", serde_json::from_str)?;
    submission.valid_until = datetime_from_ms(time.wall_at(columns.take()?));
    let fence = columns.number("fence")?;
    submission.attempt = fence;
    let attempt = AttemptState {
        attempt: columns.number("number of attempts")?,
        max_attempts: columns.number("limit of attempts")?,
        resends: columns.number("number of resends")?,
        on_unknown: columns.on_unknown()?,
        unknown_before: columns
            .take::<Option<i64>>()?
            .map(|ms| Duration::from_millis(ms.max(0).cast_unsigned())),
    };
    Ok(Begun { submission, fence, attempt })
}

/// Reads a row of [`sql::EVENT_COLUMNS`](crate::sql::EVENT_COLUMNS).
pub(crate) fn event(row: &Row<'_>) -> DbResult<Event> {
    let mut columns = Columns::new(row);
    Ok(Event {
        seq: columns.number("position")?,
        message_id: columns.id()?,
        at: columns.time()?,
        kind: columns.named("kind", EventKind::from_name)?,
        status: columns.status()?,
        details: columns.json("details", serde_json::from_str)?,
    })
}
