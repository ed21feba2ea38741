//! The event log, page by page.

use axum::Json;
use sms_core::store::EventsRequest;

use super::cursor::Cursor;
use super::log;
use super::query::EventsQuery;
use super::view::{EventList, EventView};
use crate::app::App;
use crate::http::problem::Problem;
use crate::keys::Principal;

/// A page of events. Without a position it is empty, and the next one begins at the end of the log.
pub(super) async fn read(
    app: &App,
    caller: &Principal,
    query: EventsQuery,
) -> Result<Json<EventList>, Problem> {
    let Some(after) = query.after else {
        return Ok(Json(EventList {
            data: Vec::new(),
            next: Cursor::at_end(log::end(app).await?),
        }));
    };
    if after.is_older_than(app.0.site.retention) {
        return Err(log::gone());
    }
    let request = EventsRequest::new(after.position, query.limit);
    let request = request.scope(caller.scope()).kinds(query.kinds);
    let page = log::read(app, caller, request).await?.ok_or_else(log::gone)?;
    let next = after.after_page(&page);
    let events = page.events.into_iter();
    Ok(Json(EventList { data: events.map(|event| EventView::new(event, app)).collect(), next }))
}
