//! `callback`: registers the address of this server for the provider's callbacks.

use anyhow::{Context as _, bail};
use clap::Subcommand;
use secrecy::ExposeSecret as _;

use crate::adapters::{CallbackChange, Upstream, open_store};
use crate::app::callbacks::callback_path;
use crate::config::{Config, Key};
use crate::output::print;

/// Operations on the addresses at which the provider reports.
#[derive(Debug, Subcommand)]
pub enum Callback {
    /// Register this server at the provider, and print the addresses that are registered
    Add {
        /// The address of this server as the provider reaches it: <https://sms.example.org>
        base: String,
    },
    /// Print the addresses that are registered
    List,
    /// Remove this server from the provider
    Remove {
        /// The same address as for `add`
        base: String,
    },
}

/// Runs the command at the provider of this configuration.
///
/// # Errors
///
/// A provider without callbacks; those of the provider and of the store.
pub(crate) async fn run(config: &Config, command: Callback) -> anyhow::Result<()> {
    let place = || config.place(Key::Provider);
    let upstream = Upstream::read(&config.provider).with_context(place)?;
    if upstream.is_sandbox() {
        bail!("{}: the sandbox has no callbacks; sms.ru has: smsru://API_ID@sms.ru", place());
    }
    let (_, registry) = open_store(config).await?;
    let path = callback_path(&*registry, upstream.provider().name()).await?;
    let url = |base: &str| format!("{}{}", base.trim_end_matches('/'), path.expose_secret());
    let change = match command {
        Callback::Add { base } if upstream.callbacks().is_none() => {
            bail!(
                "{base}: with a login, callbacks need the api_id: add callback_api_id to the \
                 provider's address"
            )
        }
        Callback::Add { base } => CallbackChange::Add(url(&base)),
        Callback::List => CallbackChange::None,
        Callback::Remove { base } => CallbackChange::Remove(url(&base)),
    };
    for url in upstream.registered_callbacks(change).await.with_context(place)? {
        print(&url)?;
    }
    Ok(())
}
