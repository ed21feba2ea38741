//! Rows of SQLite as the library's types.

use std::time::Duration;

use sms_core::clock::datetime_from_ms;
use sms_core::message::{IdempotencyKey, LeaseInfo, MessageState};
use sms_core::outcome::AttemptState;
use sms_core::store::Begun;
use sms_core::text::Encoding;
use sms_core::transition::{HeldLease, Standing};
use sms_core::{
    Class, Event, EventKind, MessageId, NewMessage, OnUnknown, PhoneNumber, Receipt, ReceiptState, Result,
    Status, StoredMessage, Submission,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row as _, Sqlite, Type};
use time::OffsetDateTime;

use crate::error::{from_sqlx, undecodable};

/// The names under which states of receipts are stored.
const RECEIPT_STATES: [(ReceiptState, &str); 3] = [
    (ReceiptState::InTransit, "in_transit"),
    (ReceiptState::Delivered, "delivered"),
    (ReceiptState::Undelivered, "undelivered"),
];

/// The name under which this state is stored.
pub(crate) const fn receipt_state_name(state: ReceiptState) -> &'static str {
    RECEIPT_STATES[state as usize].1
}

/// The columns of a row, from the first to the last, in the order of the statement.
pub(crate) struct Columns<'r> {
    row: &'r SqliteRow,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn new(row: &'r SqliteRow) -> Self {
        Self { row, next: 0 }
    }

    /// The next column.
    pub(crate) fn take<T: Decode<'r, Sqlite> + Type<Sqlite>>(&mut self) -> Result<T> {
        let value = self.row.try_get(self.next).map_err(from_sqlx)?;
        self.next += 1;
        Ok(value)
    }

    pub(crate) fn id(&mut self) -> Result<MessageId> {
        let bytes: &[u8] = self.take()?;
        bytes.try_into().map(MessageId::from_bytes).map_err(|_| undecodable("id"))
    }

    pub(crate) fn number<T: TryFrom<i64>>(&mut self, what: &'static str) -> Result<T> {
        T::try_from(self.take::<i64>()?).map_err(|_| undecodable(what))
    }

    pub(crate) fn time(&mut self) -> Result<OffsetDateTime> {
        self.take().map(datetime_from_ms)
    }

    pub(crate) fn status(&mut self) -> Result<Status> {
        Status::from_number(self.take()?).ok_or_else(|| undecodable("status"))
    }

    pub(crate) fn on_unknown(&mut self) -> Result<OnUnknown> {
        let name: &str = self.take()?;
        let known =
            [OnUnknown::Hold, OnUnknown::ResendOnce].into_iter().find(|policy| policy.as_str() == name);
        known.ok_or_else(|| undecodable("policy"))
    }

    pub(crate) fn code(&mut self) -> Result<Option<i32>> {
        let code: Option<i64> = self.take()?;
        code.map(|code| i32::try_from(code).map_err(|_| undecodable("code"))).transpose()
    }

    /// The state, code, text and time of a receipt about this message.
    pub(crate) fn receipt(&mut self, provider: &str, provider_id: &str) -> Result<Receipt> {
        let mut receipt = Receipt::new(provider, provider_id, self.receipt_state()?);
        (receipt.code, receipt.text) = (self.code()?, self.take()?);
        receipt.at = self.take::<Option<i64>>()?.map(datetime_from_ms);
        Ok(receipt)
    }

    fn receipt_state(&mut self) -> Result<ReceiptState> {
        let name: &str = self.take()?;
        let known = RECEIPT_STATES.into_iter().find(|(_, known)| *known == name);
        known.map(|(state, _)| state).ok_or_else(|| undecodable("receipt"))
    }

    fn class(&mut self) -> Result<Class> {
        Class::from_name(self.take()?).ok_or_else(|| undecodable("class"))
    }

    fn phone(&mut self) -> Result<PhoneNumber> {
        let digits = self.number("number")?;
        PhoneNumber::from_digits(digits).ok_or_else(|| undecodable("number"))
    }

    /// A JSON text; NULL stands for the default.
    fn json<T: Default>(
        &mut self,
        what: &'static str,
        parse: impl FnOnce(&'r str) -> serde_json::Result<T>,
    ) -> Result<T> {
        let text: Option<&str> = self.take()?;
        let value = text.map(parse).transpose().map_err(|error| undecodable(what).with_source(error))?;
        Ok(value.unwrap_or_default())
    }
}

/// Reads a row of [`sql::MESSAGE_COLUMNS`](crate::sql::MESSAGE_COLUMNS).
pub(crate) fn stored_message(row: &SqliteRow) -> Result<StoredMessage> {
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
        metadata: columns.json("metadata", serde_json::from_str)?,
        options: columns.json("options", serde_json::from_str)?,
        encoding: Encoding::from_name(columns.take()?).ok_or_else(|| undecodable("encoding"))?,
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

fn idempotency_key(columns: &mut Columns<'_>) -> Result<Option<IdempotencyKey>> {
    let (key, fingerprint): (Option<String>, Option<&[u8]>) = (columns.take()?, columns.take()?);
    let Some((key, fingerprint)) = key.zip(fingerprint) else { return Ok(None) };
    let fingerprint = fingerprint.try_into().map_err(|_| undecodable("fingerprint"))?;
    Ok(Some(IdempotencyKey { key, fingerprint }))
}

fn lease_info(columns: &mut Columns<'_>) -> Result<Option<LeaseInfo>> {
    let (worker, since, until) = (columns.take()?, columns.take()?, columns.take()?);
    let (Some(worker), Some(since), Some(until)) = (worker, since, until) else { return Ok(None) };
    Ok(Some(LeaseInfo { worker, since: datetime_from_ms(since), until: datetime_from_ms(until) }))
}

/// Reads the last columns of `ledger_columns!`.
pub(crate) fn standing(columns: &mut Columns<'_>) -> Result<Standing> {
    Ok(Standing {
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

fn held_lease(columns: &mut Columns<'_>) -> Result<Option<HeldLease>> {
    let worker: Option<String> = columns.take()?;
    let numbers: [Option<i64>; 3] = [columns.take()?, columns.take()?, columns.take()?];
    let (Some(worker), [Some(batch), Some(since), Some(until)]) = (worker, numbers) else { return Ok(None) };
    Ok(Some(HeldLease { worker, batch: batch.cast_unsigned(), since, until }))
}

/// Reads a row of [`sql::BEGUN`](crate::sql::BEGUN).
pub(crate) fn begun(row: &SqliteRow) -> Result<Begun> {
    let mut columns = Columns::new(row);
    let (id, to) = (columns.id()?, columns.phone()?);
    let mut submission = Submission::new(id, to, columns.take::<String>()?);
    submission.from = columns.take()?;
    submission.class = columns.class()?;
    submission.options = columns.json("options", serde_json::from_str)?;
    submission.valid_until = columns.time()?;
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
pub(crate) fn event(row: &SqliteRow) -> Result<Event> {
    let mut columns = Columns::new(row);
    Ok(Event {
        seq: columns.number("position")?,
        message_id: columns.id()?,
        at: columns.time()?,
        kind: EventKind::from_name(columns.take()?).ok_or_else(|| undecodable("kind"))?,
        status: columns.status()?,
        details: columns.json("details", serde_json::from_str)?,
    })
}
