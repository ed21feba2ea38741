//! Schemas of values that have their form from another module.
//!
//! The names of an enum are written by the enum itself, so that a schema has every one of them.

use serde::Serialize;
use sms_core::message::text::Encoding;
use sms_core::store::event::{EventKind, Evidence};
use sms_core::worker::breaker::EndsBy;
use sms_core::{Class, OnUnknown, OutcomeClass, ReceiptState, Status};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::keys::{KeyKind, KeyScope};

/// Types that exist for their schema alone, each named as in the API.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident: $values:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                strings($values)
            }
        }

        impl ToSchema for $name {}
    )*};
}

names! {
    /// The status of a message.
    MessageStatus: Status::ALL;
    /// The class of a message.
    MessageClass: Class::ALL;
    /// The policy after an unknown outcome.
    UnknownPolicy: [OnUnknown::Hold, OnUnknown::ResendOnce];
    /// The encoding of a text.
    TextEncoding: [Encoding::Gsm7, Encoding::Ucs2];
    /// The kind of a step of a message.
    StepKind: EventKind::ALL;
    /// The outcome of an attempt.
    AttemptOutcome: [
        OutcomeClass::Accepted,
        OutcomeClass::Rejected,
        OutcomeClass::Deferred,
        OutcomeClass::Blocked,
        OutcomeClass::NotSent,
        OutcomeClass::Unknown,
    ];
    /// The evidence of an acceptance that the provider did not state.
    AcceptanceEvidence: [Evidence::RepeatRefused, Evidence::UnmatchedReceipt];
    /// The state that a receipt reports.
    ReportedState:
        [ReceiptState::InTransit, ReceiptState::Delivered, ReceiptState::Undelivered];
    /// A permission of a key.
    KeyScopeName: KeyScope::ALL;
    /// The kind of a key.
    KeyKindName: KeyKind::ALL;
    /// The event that ends a pause.
    PauseEnd:
        [EndsBy::AccountCheck, EndsBy::NextMessage, EndsBy::Person, EndsBy::Connection];
}

fn strings<T: Serialize>(values: impl IntoIterator<Item = T>) -> RefOr<Schema> {
    let names = values.into_iter().filter_map(|value| serde_json::to_value(value).ok());
    let schema_type = SchemaType::Type(Type::String);
    ObjectBuilder::new().schema_type(schema_type).enum_values(Some(names)).into()
}
