//! A bare axum server in a separate process, and the same client as for the measured server.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::load::Load;
use crate::process::Running;
use crate::system::{free_port, load_separately, wait_for_port};

/// Serves until it is killed: parses a message, and responds with an id.
pub(crate) async fn serve(port: u16) -> anyhow::Result<()> {
    let hello =
        async |Json(message): Json<Value>| Json(json!({ "id": message["to"], "status": "queued" }));
    let listener =
        TcpListener::bind(("127.0.0.1", port)).await.context("the port of the bare server")?;
    axum::serve(listener, Router::new().route("/v1/messages", post(hello))).await?;
    Ok(())
}

pub(super) async fn measure(span: Duration) -> anyhow::Result<f64> {
    let port = free_port()?;
    let program = std::env::current_exe()?;
    let server = Running::start(Path::new(&program), &["hello", "--port", &port.to_string()], &[])?;
    wait_for_port(port).await?;
    // About as long as the other measurements.
    let requests = (span.as_secs_f64() * 50_000.0) as u64;
    let loaded = load_separately(&Load::new(&format!("127.0.0.1:{port}"), requests)).await?;
    server.kill().await?;
    Ok(requests as f64 / loaded.seconds)
}
