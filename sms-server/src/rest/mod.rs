//! The REST API: `/v1/…`, for clients with a key. Errors are problems.

#[cfg(test)]
mod agreement;
mod clients;
mod cost_estimate;
mod erase;
mod estimate;
mod events;
mod imports;
mod info;
mod jobs;
pub(crate) mod keys;
pub(crate) mod me;
mod meaning;
mod messages;
mod numbers;
mod operations;
mod provider;
mod queue;
mod receipts;
mod sandbox;
pub(crate) mod schema;
mod selections;
mod series;
mod stats;
mod stop_list;
#[cfg(test)]
mod tests;
mod upload;
mod workers;

use axum::Router;

pub(crate) use self::operations::operations;
use crate::app::App;
use crate::http::layers;

pub(crate) fn routes() -> Router<App> {
    layers::problems(operations().into_iter().fold(Router::new(), |routes, it| it.add_to(routes)))
}
