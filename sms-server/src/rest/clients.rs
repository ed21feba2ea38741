//! `/v1/clients`: the owners of messages.

use std::cmp::Reverse;

use axum::Json;
use axum::body::Body;
use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::auth::Caller;
use crate::http::fields::Fields;
use crate::http::location::location;
use crate::http::problem::Problem;
use crate::keys::{Client, KeyScope, MAX_NAME};

/// A client to be made, or its new name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClientBody {
    /// The name, for people. Several clients may have the same.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
}

/// An owner of messages. All of its live keys see, cancel and repeat the same messages.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClientView {
    id: String,
    /// The name, for people.
    name: String,
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    created_at: OffsetDateTime,
}

/// Every client, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClientList {
    data: Vec<ClientView>,
}

/// `GET /v1/clients`. Needs the scope `admin`, as every path of clients.
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<ClientList>, Problem> {
    caller.with(KeyScope::Admin)?;
    let mut clients = app.0.keys.clients().await?;
    clients.sort_by_key(|client| Reverse(client.created_at));
    Ok(Json(ClientList { data: clients.into_iter().map(ClientView::from).collect() }))
}

/// `POST /v1/clients`: makes a client without keys.
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Admin)?;
    let body = app.0.bodies.read(&caller.client, body).await?;
    let body = ClientBody::read(Fields::read(&headers, &body)?)?;
    let client = app.0.keys.create_client(&body.name).await?;
    tracing::info!(client = client.id, by = caller.by(), "client created");
    let location = location(&app.0.site, &uri, "/v1/clients", &client.id)?;
    let reply =
        (StatusCode::CREATED, [(header::LOCATION, location)], Json(ClientView::from(client)));
    Ok(reply.into_response())
}

/// `GET /v1/clients/{id}`.
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ClientView>, Problem> {
    caller.with(KeyScope::Admin)?;
    let client = app.0.keys.client(&id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(ClientView::from(client)))
}

/// `PATCH /v1/clients/{id}`: renames a client.
pub(crate) async fn rename(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ClientView>, Problem> {
    let caller = caller.with(KeyScope::Admin)?;
    let body = app.0.bodies.read(&caller.client, body).await?;
    let body = ClientBody::read(Fields::read(&headers, &body)?)?;
    let client = app.0.keys.rename_client(&id, &body.name).await?;
    tracing::info!(client = client.id, by = caller.by(), "client renamed");
    Ok(Json(ClientView::from(client)))
}

impl ClientBody {
    fn read(mut fields: Fields<'_>) -> Result<Self, Problem> {
        fields.require("name");
        let name = fields.text("name", MAX_NAME);
        fields.finish()?;
        Ok(Self { name: name.ok_or_else(|| Problem::missing("name"))? })
    }
}

impl From<Client> for ClientView {
    fn from(Client { id, name, created_at }: Client) -> Self {
        Self { id, name, created_at }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rest::agreement::assert_agrees;

    #[test]
    fn a_client_is_read_as_its_schema_says() {
        assert_agrees::<ClientBody>(&json!({"name": "shop"}), &[], |body| {
            let body = body.to_string();
            ClientBody::read(Fields::of_body(body.as_bytes()).expect("an object")).map(drop)
        });
    }
}
