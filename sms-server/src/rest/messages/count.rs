//! `GET /v1/messages/count`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use sms_core::Archive as _;
use sms_core::store::ListRequest;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::filter::{CLIENT, ClientFilter, set_filter};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::params::Params;
use crate::http::problem::Problem;
use crate::keys::KeyScope;

/// Time limit of a count. The reply then holds what was counted so far.
const COUNT_BUDGET: Duration = Duration::from_millis(30);

/// The number of messages that match.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CountView {
    /// Messages that were counted. There may be more, older ones where `searched_back_to` is given.
    count: u64,
    /// The time down to which messages were counted, where the time limit ended the count.
    #[serde(with = "crate::http::timestamp::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    searched_back_to: Option<OffsetDateTime>,
}

/// `GET /v1/messages/count`: counts the messages that a list with the same filters has on all its
/// pages.
pub(crate) async fn count(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Json<CountView>, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let mut request = ListRequest::default().budget(COUNT_BUDGET);
    let mut of_client = ClientFilter::default();
    let numbers = app.0.store.numbers();
    params.set_each(|name, value| match name {
        CLIENT => of_client.set(value),
        _ => set_filter(&mut request, numbers, name, value),
    })?;
    request = request.scope(of_client.scope(&caller)?);
    let (client, store) = (Arc::clone(&caller.client), Arc::clone(&app.0.store));
    let counted = app.0.scans.run(&client, async move { store.count(&request).await }).await?;
    let searched_back_to = counted.searched_to.map(|end| end.created_at);
    Ok(Json(CountView { count: counted.count, searched_back_to }))
}
