//! The REST API: `/v1/…`, for clients with a key. Errors are problems.

#[cfg(test)]
mod agreement;
mod clients;
mod info;
mod keys;
mod me;
mod meaning;
mod messages;
mod operation;
mod provider;
mod queue;
mod receipts;
mod schema;
mod stats;
#[cfg(test)]
mod tests;

use axum::Router;

use self::messages::{batch, cancel, list, resolve, send, show};
use self::operation::Operation;
use crate::app::App;
use crate::http::body::MAX_BATCH_BODY;
use crate::http::layers;
use crate::keys::KeyScope::{Admin, Read, Send};

pub(crate) fn routes() -> Router<App> {
    layers::problems(operations().into_iter().fold(Router::new(), |routes, it| it.add_to(routes)))
}

/// Every operation. There is no other route.
fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/messages", list::list).needs(Read),
        Operation::post("/v1/messages", send::send).needs(Send),
        Operation::post("/v1/messages/batch", batch::send).needs(Send).max_body(MAX_BATCH_BODY),
        Operation::get("/v1/messages/{id}", show::show).needs(Read),
        Operation::post("/v1/messages/{id}/cancel", cancel::cancel).needs(Send),
        Operation::post("/v1/messages/{id}/resolve", resolve::resolve).needs(Send),
        Operation::get("/v1/receipts/unmatched", receipts::unmatched).needs(Admin),
        Operation::get("/v1/stats", stats::show).needs(Read),
        Operation::get("/v1/queue", queue::show).needs(Admin),
        Operation::get("/v1/provider", provider::show).needs(Read),
        Operation::post("/v1/provider/pause", provider::pause).needs(Admin),
        Operation::post("/v1/provider/resume", provider::resume).needs(Admin),
        Operation::get("/v1/clients", clients::list).needs(Admin),
        Operation::post("/v1/clients", clients::create).needs(Admin),
        Operation::get("/v1/clients/{id}", clients::show).needs(Admin),
        Operation::patch("/v1/clients/{id}", clients::rename).needs(Admin),
        Operation::get("/v1/keys", keys::list).needs(Admin),
        Operation::post("/v1/keys", keys::create).needs(Admin),
        Operation::get("/v1/keys/{id}", keys::show).needs(Admin),
        Operation::delete("/v1/keys/{id}", keys::revoke).needs(Admin),
        Operation::post("/v1/keys/{id}/rotate", keys::rotate).needs(Admin),
        Operation::get("/v1/me", me::show),
        Operation::get("/v1/info", info::show),
    ]
}
