//! Messages of the sandbox as the API shows them.

use serde::Serialize;
use sms_core::{MessageId, StoredMessage};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::found_code::found_code;
use crate::app::App;
use crate::rest::messages::view::MessageView;

/// A message that came to the sandbox.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SandboxMessage<'a> {
    #[serde(flatten)]
    message: MessageView<'a>,
    /// The one-time code in the text, digits alone; null if there is none.
    #[schema(value_type = Option<String>)]
    found_code: Option<String>,
}

/// A page of messages that came to the sandbox, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SandboxPage<'a> {
    pub(super) data: Vec<SandboxMessage<'a>>,
    /// The parameter `cursor` of the next page; null at the end of the list.
    #[schema(value_type = Option<String>)]
    pub(super) next_cursor: Option<MessageId>,
    /// The time down to which the list was searched, where the time limit ended the search before
    /// the page was full.
    #[serde(with = "crate::http::timestamp::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) searched_back_to: Option<OffsetDateTime>,
}

impl<'a> SandboxMessage<'a> {
    pub(super) fn new(stored: &'a StoredMessage, app: &App) -> Self {
        let found_code = found_code(&stored.message.text);
        Self { message: MessageView::new(stored, app), found_code }
    }
}
