//! An accepted message of a batch, written before it is accepted.

use std::borrow::Cow;

use serde::{Deserialize as _, Serialize, Serializer, ser};
use serde_json::value::RawValue;
use sms_core::NewMessage;
use sms_core::store::AcceptanceTimes;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::accepted::AcceptedMessage;
use crate::http::timestamp::Written;

/// Room for a message without metadata, so that few are moved while they grow.
const USUAL_BYTES: usize = 512;

/// An [`AcceptedMessage`] that is written already, because the insert takes the message itself.
/// Its times follow, when the store has told them.
#[derive(Debug)]
pub(crate) struct WrittenMessage(Vec<u8>);

impl WrittenMessage {
    /// A message without its times.
    pub(super) fn new(message: &NewMessage) -> serde_json::Result<Self> {
        let mut json = Vec::with_capacity(USUAL_BYTES);
        serde_json::to_writer(&mut json, &AcceptedMessage::new(message, None))?;
        Ok(Self(json))
    }

    /// Adds its times.
    pub(super) fn accepted_at(&mut self, AcceptanceTimes { created_at, due_at }: AcceptanceTimes) {
        // The end of the object.
        self.0.pop();
        for (name, at) in [("created_at", created_at), ("due_at", due_at)] {
            self.0.extend_from_slice(b",\"");
            self.0.extend_from_slice(name.as_bytes());
            self.0.extend_from_slice(b"\":\"");
            self.0.extend_from_slice(Written::new(at).as_str().as_bytes());
            self.0.push(b'"');
        }
        self.0.push(b'}');
    }
}

impl Serialize for WrittenMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut json = serde_json::Deserializer::from_slice(&self.0);
        <&RawValue>::deserialize(&mut json).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

impl PartialSchema for WrittenMessage {
    fn schema() -> RefOr<Schema> {
        AcceptedMessage::schema()
    }
}

impl ToSchema for WrittenMessage {
    fn name() -> Cow<'static, str> {
        AcceptedMessage::name()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        AcceptedMessage::schemas(schemas);
    }
}
