//! The tables of a store, with the columns that every kind of store has.

/// A table.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns.
    pub columns: &'static [Column],
    /// Number of the first columns that identify a row, and are its place in the order.
    pub key: usize,
}

/// A column.
#[derive(Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its form in a [`Row`](super::Row).
    pub form: Form,
}

/// Form of a column in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The id of a message: 32 hexadecimal digits.
    Id,
    /// Bytes, in hexadecimal digits.
    Bytes,
    /// A whole number.
    Number,
    /// 0 or 1.
    Flag,
    /// A text.
    Text,
    /// A text that is one of these names; some stores keep its number.
    Name(&'static [&'static str]),
    /// A number that the store gives to each row by itself: read for the order, and not written.
    Position,
}

/// Kinds of records of the registry that are about the store itself or a process, and so not
/// copied: the clock, reports of workers, marks of the store.
pub const OWN_RECORDS: [&str; 3] = ["clock", "worker", "store_mark"];

const CLASSES: Form = Form::Name(&["otp", "service", "marketing"]);
const ENCODINGS: Form = Form::Name(&["gsm7", "ucs2"]);
const POLICIES: Form = Form::Name(&["hold", "resend_once"]);
const RECEIPT_STATES: Form = Form::Name(&["in_transit", "delivered", "undelivered"]);

macro_rules! table {
    ($name:literal, $key:literal, [$($column:ident: $form:expr),+ $(,)?]) => {
        Table {
            name: $name,
            key: $key,
            columns: &[$(Column { name: stringify!($column), form: $form }),+],
        }
    };
}

/// Every table, in the order in which they are copied.
pub static TABLES: &[Table] = {
    use Form::{Bytes, Flag, Id, Number, Position, Text};
    &[
        table!("registry", 2, [
            kind: Text, name: Text, version: Number, value: Text, updated_at: Number,
        ]),
        table!("stop_list", 1, [number: Number, added_at: Number, reason: Text, added_by: Text]),
        table!("messages", 1, [
            id: Id, owner: Text, key: Text, fingerprint: Bytes, to_number: Number, text: Text,
            sender: Text, class: CLASSES, reference: Text, metadata: Text, options: Text,
            encoding: ENCODINGS, parts: Number, send_at: Number, deadline_ms: Number,
            max_attempts: Number, on_unknown: POLICIES, lane: Number, route: Text, resend: Text,
            key_released: Flag, created_at: Number, status: Number, updated_at: Number,
            due_at: Number, valid_until: Number, push_at: Number, attempts: Number,
            resends: Number, fence: Number, worker: Text, batch: Number, lease_since: Number,
            lease_until: Number, provider: Text, provider_id: Text, provider_parts: Text,
            code: Number, reason: Text, sent_at: Number, poll_at: Number, polls: Number,
            unknown_at: Number, receipt_at: Number, cost: Number,
        ]),
        table!("aliases", 2, [provider_id: Text, provider: Text, message_id: Id]),
        table!("parked", 1, [
            seq: Position, parked_at: Number, provider: Text, provider_id: Text,
            state: RECEIPT_STATES, code: Number, text: Text, at: Number, cost: Number,
            cost_later: Flag,
        ]),
        table!("events", 1, [
            seq: Number, message_id: Id, at: Number, kind: Text, status: Number, details: Text,
        ]),
        table!("work_items", 2, [
            list: Text, number: Number, state: Number, payload: Text, result: Text,
        ]),
        table!("rollups", 6, [
            step: Number, at: Number, owner: Text, counter: Number, class: Number, detail: Number,
            count: Number,
        ]),
        // Rows of one time, owner and class are read as one.
        table!("acceptances", 3, [at: Number, owner: Text, class: Number, count: Number]),
        table!("rollup_position", 1, [position: Number]),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::text::Encoding;
    use crate::{Class, OnUnknown, ReceiptState};

    #[test]
    fn names_stand_at_the_place_of_their_number() {
        let is_of = |form: Form, names: &[(u8, &str)]| {
            let Form::Name(listed) = form else { panic!("{form:?}") };
            assert_eq!(listed.len(), names.len());
            for (number, name) in names {
                assert_eq!(listed[usize::from(*number)], *name);
            }
        };
        is_of(CLASSES, &Class::ALL.map(|it| (it.number(), it.as_str())));
        is_of(ENCODINGS, &Encoding::ALL.map(|it| (it.number(), it.as_str())));
        is_of(POLICIES, &OnUnknown::ALL.map(|it| (it.number(), it.as_str())));
        is_of(RECEIPT_STATES, &ReceiptState::ALL.map(|it| (it.number(), it.as_str())));
    }
}
