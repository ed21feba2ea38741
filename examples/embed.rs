//! Inside an axum application: it sends messages itself, and mounts the REST API under `/sms`.
//!
//! `cargo run -p examples --example embed`, then the commands it prints.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use secrecy::ExposeSecret;
use sms_core::{Message, Sandbox, Sms};
use sms_server::{App, KeyRing, KeyScope};
use sms_store_sqlite::{SqliteConfig, SqliteStore};

/// The application's own handler: an order comes in, an SMS goes out; one, however often the order
/// is repeated.
async fn order(
    State(sms): State<Sms>,
    Path(number): Path<u32>,
) -> Result<String, (StatusCode, String)> {
    let message = Message::new("+79251234567", "Ваш заказ принят").key(format!("order-{number}"));
    let failed = |error: sms_core::Error| (StatusCode::SERVICE_UNAVAILABLE, error.to_string());
    let id = sms.send(message).await.map_err(failed)?;
    Ok(format!("accepted: {id}\n"))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let store = Arc::new(SqliteStore::open(SqliteConfig::from_url("sqlite:data/embed.db")?).await?);
    let sms = Sms::open(store.clone(), Sandbox::new()).await?;

    // The API wants a key of each caller. It is shown once and kept as a hash; an application makes
    // one for each client.
    let keys = KeyRing::new(store.clone(), None);
    let key = keys.create("an example", &[KeyScope::Send, KeyScope::Read]).await?;
    let api = App::new(sms.sender().clone(), store, sms.queue().clone(), keys);
    let app = axum::Router::new()
        .route("/orders/{number}", post(order))
        .with_state(sms.clone())
        .nest("/sms", api.router());

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    let address = listener.local_addr()?;
    println!("an order: curl -X POST http://{address}/orders/1");
    println!(
        "the API:  curl http://{address}/sms/v1/messages -H 'Authorization: Bearer {}'",
        key.expose_secret()
    );
    axum::serve(listener, app)
        .with_graceful_shutdown(async {
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
    // Requests have ended; now let the messages in flight end.
    Ok(sms.close().await?)
}
