//! `config check`: shows the settings, and tries the services that they name.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Subcommand;
use sms_core::Provider;
use tokio::time::timeout;

use crate::adapters::{Addresses, QueueAddress, StoreAddress, is_sandbox};
use crate::config::{Config, Key};
use crate::output::{one_line, print};

/// The longest that one service may take to answer. Each has shorter limits of its own.
const CHECK_TIMEOUT: Duration = Duration::from_secs(30);

/// Operations on the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print every setting with its source, and try store, queue and provider
    Check {
        /// Connect to nothing
        #[arg(long)]
        offline: bool,
    },
}

/// Prints every setting with its source and, unless `offline`, tries store, queue and provider.
/// Nothing is changed in the store or at the provider; queues are declared as on a start.
///
/// # Errors
///
/// An address that cannot be read; a service that does not work, after all have been tried.
pub(crate) async fn run(config: &Config, command: ConfigCommand) -> anyhow::Result<()> {
    let ConfigCommand::Check { offline } = command;
    let addresses = Addresses::read(config)?;
    for key in Key::ALL {
        print(&format!("{:<15} {:<50} {}", key.name(), config.shown(key), config.source(key)))?;
    }
    if offline {
        return print("\nThe settings are valid. Nothing was connected to.");
    }
    print("")?;
    let Addresses { store, queue, provider, .. } = addresses;
    let parts = [
        (Key::Store, within(ask_store(store)).await),
        (Key::Queue, within(ask_queue(queue)).await),
        (Key::Provider, within(ask_provider(provider)).await),
    ];
    for (key, answer) in &parts {
        match answer {
            Ok(words) => print(&format!("{:<15} {:<50} {words}", key.name(), config.shown(*key)))?,
            Err(error) => {
                let why = one_line(error);
                let shown = config.shown(*key);
                print(&format!("{:<15} {shown:<50} does not work: {why}", key.name()))?;
            }
        }
    }
    let broken: Vec<String> = parts
        .iter()
        .filter(|(_, answer)| answer.is_err())
        .map(|(key, _)| config.place(*key))
        .collect();
    if !broken.is_empty() {
        bail!("these settings name services that do not work: {}", broken.join(", "));
    }
    Ok(())
}

/// The state of a service in words.
type CheckResult = anyhow::Result<&'static str>;

async fn within(asking: impl Future<Output = CheckResult>) -> CheckResult {
    timeout(CHECK_TIMEOUT, asking).await.context("did not answer in 30 s")?
}

async fn ask_store(store: StoreAddress) -> CheckResult {
    store.check().await?;
    Ok("works")
}

async fn ask_queue(queue: QueueAddress) -> CheckResult {
    if !queue.is_shared() {
        return Ok("works: inside each process");
    }
    queue.open().await?.stats().await?;
    Ok("works")
}

async fn ask_provider(provider: Arc<dyn Provider>) -> CheckResult {
    match provider.account() {
        Some(account) => {
            account.check().await?;
            Ok("works: it knows the account")
        }
        None if is_sandbox(&*provider) => Ok("the sandbox: nothing leaves this machine"),
        None => Ok("cannot be asked without sending"),
    }
}
