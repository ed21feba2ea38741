//! `serve`: everything a process does, from its start to its end.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use secrecy::ExposeSecret;
use sms_core::{CancellationToken, Sender, Worker};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::api::Api;
use crate::callbacks::Callbacks;
use crate::config::{Config, Role};
use crate::keys::{KeyRing, KeyScope};
use crate::{compose, http};

/// Serves until SIGTERM or SIGINT, then ends what it has begun; a second signal ends it at once.
///
/// # Errors
///
/// What keeps the server from starting.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    let (store, registry) = compose::StoreAddress::read(&config.store)?.open(config.region).await?;
    let address = compose::QueueAddress::read(&config.queue)?;
    let (is_shared, queue) = (address.is_shared(), address.open().await?);
    let upstream = compose::Upstream::read(&config.provider)?;
    let keys = KeyRing::new(Arc::clone(&registry), config.admin_key.as_ref());
    let shutdown = CancellationToken::new();
    tokio::spawn(watch_signals(shutdown.clone()).context("signals")?);

    let worker = Worker::builder(Arc::clone(&store), Arc::clone(&queue), upstream.provider())
        .registry(Arc::clone(&registry))
        .concurrency(config.concurrency)
        .retention(config.retention())
        .build();
    let work = async {
        if config.has(Role::Worker) {
            tracing::info!(worker = worker.name(), "working");
            worker.run(shutdown.clone()).await.context("worker")?;
        }
        anyhow::Ok(())
    };
    let listen = async {
        if config.has(Role::Api) {
            let listener = TcpListener::bind(config.listen).await;
            let listener = listener.with_context(|| format!("cannot listen on {}", config.listen))?;
            let address = listener.local_addr()?;
            tracing::info!(%address, "serving");
            greet(&keys, address).await?;
            let mut sender = Sender::builder(Arc::clone(&store));
            // Into a queue of this process alone only if this process also works; else the workers find what is due.
            if is_shared || config.has(Role::Worker) {
                sender = sender.queue(Arc::clone(&queue));
            }
            let sender = sender.build();
            let mut api = Api::builder(sender, Arc::clone(&store), Arc::clone(&queue), keys.clone())
                .provider(upstream.provider(), Arc::clone(&registry));
            if let Some(reader) = upstream.callbacks() {
                let name = upstream.provider().name().to_owned();
                api = api.callbacks(Callbacks::new(&*registry, &name, reader).await?);
            }
            http::serve(listener, api.build().router(), shutdown.clone()).await;
        }
        anyhow::Ok(())
    };
    // One that fails ends the other.
    let ended = tokio::try_join!(stopping(work, &shutdown), stopping(listen, &shutdown));
    tracing::info!("stopped");
    ended.map(drop)
}

async fn stopping(
    part: impl Future<Output = anyhow::Result<()>>,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let ended = part.await;
    if ended.is_err() {
        shutdown.cancel();
    }
    ended
}

/// On first start, makes a key and prints it inside a command that sends the first message.
#[expect(clippy::print_stdout, reason = "the key is for the person who started the server, not for the log")]
async fn greet(keys: &KeyRing, address: SocketAddr) -> anyhow::Result<()> {
    if !keys.list().await.context("keys")?.is_empty() {
        return Ok(());
    }
    let key = keys.create("first key", &KeyScope::ALL).await.context("keys")?;
    println!("First start: here is a key, shown this once. Send an SMS with it:\n");
    println!("curl -sS http://{address}/v1/messages \\");
    println!("  -H 'Authorization: Bearer {}' \\", key.expose_secret());
    println!("  -H 'Content-Type: application/json' \\");
    println!("  -d '{{\"to\":\"+79251234567\",\"text\":\"Код 1234\"}}'\n");
    Ok(())
}

/// Cancels the token on the first signal and ends the process on the second.
fn watch_signals(shutdown: CancellationToken) -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        next().await;
        tracing::info!("stopping: requests and calls in flight may end; a second signal stops at once");
        shutdown.cancel();
        next().await;
        tracing::warn!("stopped at once");
        std::process::exit(1);
    })
}
