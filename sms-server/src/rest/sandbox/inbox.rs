//! The messages that the sandbox took.

use sms_core::store::{ListRequest, MessageRequest};
use sms_core::{MessageId, Result, Route, Sandbox, Scope, StoredMessage};
use time::OffsetDateTime;

use crate::app::App;
use crate::rest::messages::list::LIST_BUDGET;

/// Messages that are looked at to find the newest. Their ids come from the clocks of nodes: those
/// that were accepted at nearly the same time may be in another order than by the store's clock.
const NEWEST: usize = 20;

/// Restricts a list to messages that the sandbox took.
pub(super) fn of_sandbox(app: &App, request: ListRequest) -> ListRequest {
    // The route has an index. Where the sandbox is the provider of all other messages as well, they
    // are listed too.
    let route = (!app.sends_nothing()).then_some(Route::SANDBOX);
    request.route(route).provider(Sandbox::NAME.to_owned())
}

/// A point between two messages, by the time of their acceptance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AcceptancePoint {
    at: OffsetDateTime,
    /// `None` for the point before every message of that time.
    id: Option<MessageId>,
}

impl AcceptancePoint {
    /// The point after this time and every message of it. Times are of whole milliseconds.
    pub(super) fn after_time(at: OffsetDateTime) -> Self {
        Self { at: at.saturating_add(time::Duration::MILLISECOND), id: None }
    }

    fn of(stored: &StoredMessage) -> Self {
        Self { at: stored.state.created_at, id: Some(stored.message.id) }
    }

    /// That of this message; `None` if there is none in the scope.
    pub(super) async fn of_message(
        app: &App,
        id: MessageId,
        scope: &Scope,
    ) -> Result<Option<Self>> {
        let request = MessageRequest::new(id).scope(scope.clone());
        Ok(app.0.store.get(&request).await?.as_ref().map(Self::of))
    }
}

/// The newest message of this list that was accepted after a point.
pub(super) async fn newest(
    app: &App,
    request: ListRequest,
    after: Option<AcceptancePoint>,
) -> Result<Option<StoredMessage>> {
    let request = request.limit(NEWEST).budget(LIST_BUDGET).from_time(after.map(|point| point.at));
    let mut found = app.0.store.list(&request).await?.messages;
    found.retain(|stored| after.is_none_or(|point| AcceptancePoint::of(stored) > point));
    Ok(found.into_iter().max_by_key(AcceptancePoint::of))
}
