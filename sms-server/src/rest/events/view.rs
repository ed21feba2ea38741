//! Events as the API shows them.

use serde::Serialize;
use sms_core::message::TraceParent;
use sms_core::store::timeline::Step;
use sms_core::{Event, MessageId};
use utoipa::ToSchema;

use super::cursor::Cursor;
use crate::app::App;
use crate::rest::messages::step::StepView;

/// An event of the log: a step of a message, with its position and its message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventView {
    /// The position of the event, for the parameter `after`.
    #[schema(value_type = String)]
    pub(super) cursor: Cursor,
    #[schema(value_type = String)]
    message_id: MessageId,
    /// The header `traceparent` of the request that sent the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    traceparent: Option<TraceParent>,
    #[serde(flatten)]
    step: StepView,
}

/// A page of events, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventList {
    pub(super) data: Vec<EventView>,
    /// The parameter `after` of the next page, also at the end of the log: what comes later is on
    /// that page.
    #[schema(value_type = String)]
    pub(super) next: Cursor,
}

impl EventView {
    /// An event, with the meaning of its code.
    pub(super) fn new(event: Event, app: &App) -> Self {
        let (cursor, message_id) = (Cursor::after_event(event.seq, event.at), event.message_id);
        let traceparent = event.traceparent;
        Self { cursor, message_id, traceparent, step: StepView::new(Step::from(event), app) }
    }
}
