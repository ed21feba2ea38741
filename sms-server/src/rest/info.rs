//! `GET /v1/info`: the server.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::site::{QueueKind, StoreKind};
use crate::http::auth::Caller;

/// The server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InfoView {
    /// The version of the program.
    version: &'static str,
    /// The name of this installation, for people who use several; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// The parts of this API that the server has and another may not have.
    features: Vec<Feature>,
    /// The time zone of what people type, by its name in the tz database.
    time_zone: &'static str,
    /// True if pages hide the middle of phone numbers until a person asks for them. Replies of
    /// this API always have whole numbers.
    mask_numbers: bool,
    /// The kind of the store; absent if the program does not know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<StoreKind>,
    /// The kind of the queue; absent if the program does not know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<QueueKind>,
}

/// A part of this API that not every server has.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Feature {
    /// `/v1/provider`.
    Provider,
    /// Reports of the provider come in by callbacks.
    Callbacks,
}

/// `GET /v1/info`, with any key.
pub(crate) async fn show(State(app): State<App>, caller: Caller) -> Json<InfoView> {
    caller.with_any_scope();
    let site = &app.0.site;
    let provider = app.0.provider.is_some().then_some(Feature::Provider);
    let callbacks = app.0.callbacks.is_some().then_some(Feature::Callbacks);
    Json(InfoView {
        version: env!("CARGO_PKG_VERSION"),
        label: site.label.clone(),
        features: provider.into_iter().chain(callbacks).collect(),
        time_zone: site.time_zone.name(),
        mask_numbers: site.masks_numbers,
        store: site.store,
        queue: site.queue,
    })
}
