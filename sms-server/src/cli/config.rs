//! `config check`: the settings that count, and whether what they name can be reached.

use std::time::Duration;

use anyhow::{Context, bail};
use sms_core::Provider as _;
use tokio::time::timeout;

use crate::adapters::{Addresses, QueueAddress, StoreAddress, Upstream};
use crate::cli::one_line;
use crate::config::{Config, Key};
use crate::output::print;

/// The longest one part may take to answer; each has limits of its own below this.
const LIMIT: Duration = Duration::from_secs(30);

/// Prints every setting with its source and, unless `offline`, asks store, queue and provider.
/// Nothing is changed in the store or at the provider; the queues are declared as a start would.
///
/// # Errors
///
/// An address that cannot be read; a part that does not work, after all parts have been asked.
pub(crate) async fn check(config: &Config, offline: bool) -> anyhow::Result<()> {
    let addresses = Addresses::read(config)?;
    for key in Key::ALL {
        print(&format!("{:<15} {:<50} {}", key.name(), config.shown(key), config.source(key)))?;
    }
    if offline {
        return print("\nThe settings are valid. Nothing was connected to.");
    }
    print("")?;
    let Addresses { store, queue, provider } = addresses;
    let parts = [
        (Key::Store, within(ask_store(store)).await),
        (Key::Queue, within(ask_queue(queue)).await),
        (Key::Provider, within(ask_provider(provider)).await),
    ];
    for (key, answer) in &parts {
        match answer {
            Ok(words) => print(&format!("{:<15} {}: {words}", key.name(), config.shown(*key)))?,
            Err(error) => {
                let why = one_line(error);
                print(&format!("{:<15} {}: does not work: {why}", key.name(), config.shown(*key)))?;
            }
        }
    }
    let broken: Vec<String> = parts
        .iter()
        .filter(|(_, answer)| answer.is_err())
        .map(|(key, _)| config.place(*key))
        .collect();
    if !broken.is_empty() {
        bail!("what these settings name does not work: {}", broken.join(", "));
    }
    Ok(())
}

type Answer = anyhow::Result<&'static str>;

async fn within(asking: impl Future<Output = Answer>) -> Answer {
    timeout(LIMIT, asking).await.context("did not answer in 30 s")?
}

async fn ask_store(store: StoreAddress) -> Answer {
    store.check().await?;
    Ok("works")
}

async fn ask_queue(queue: QueueAddress) -> Answer {
    if !queue.is_shared() {
        return Ok("works: it is in each process");
    }
    queue.open().await?.stats().await?;
    Ok("works")
}

async fn ask_provider(upstream: Upstream) -> Answer {
    let provider = upstream.provider();
    match provider.account() {
        Some(account) => {
            account.check().await?;
            Ok("works: it knows the account")
        }
        None if matches!(upstream, Upstream::Sandbox(_)) => {
            Ok("is the sandbox: nothing leaves this machine")
        }
        None => Ok("cannot be asked without sending"),
    }
}
