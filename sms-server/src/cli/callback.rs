//! `callback`: registers the address of this server for the provider's callbacks.

use anyhow::{Context as _, bail};
use clap::Subcommand;
use secrecy::ExposeSecret as _;

use crate::adapters::{open_provider, open_secrets, open_store};
use crate::app::callbacks::callback_path;
use crate::config::{Config, Key};
use crate::output::print;

/// Operations on the addresses at which the provider reports.
#[derive(Debug, Subcommand)]
pub enum Callback {
    /// Register this server at the provider, and print the addresses that are registered
    Add {
        /// The address of this server as the provider reaches it: <https://sms.example.org>
        /// [default: `SMS_PUBLIC_URL`]
        base: Option<String>,
    },
    /// Print the addresses that are registered
    List,
    /// Remove this server from the provider
    Remove {
        /// The same address as for `add`
        base: Option<String>,
    },
}

/// Runs the command at the provider of this configuration.
///
/// # Errors
///
/// A provider without callbacks; those of the provider and of the store.
pub(crate) async fn run(config: &Config, command: Callback) -> anyhow::Result<()> {
    let place = || config.place(Key::Provider);
    let provider = open_provider(&config.provider).with_context(place)?;
    let Some(callbacks) = provider.callbacks() else {
        bail!("{}: the provider `{}` has no callbacks", place(), provider.name());
    };
    let registry = open_store(config).await?.registry;
    let secrets = open_secrets(config, registry).await?;
    let path = callback_path(&secrets, provider.name()).await?;
    let url = |base: &str| format!("{}{}", base.trim_end_matches('/'), path.expose_secret());
    let base = |given: Option<String>| {
        let public = || config.public_url.as_ref().map(ToString::to_string);
        let missing = "give the address of this server, or set SMS_PUBLIC_URL";
        given.or_else(public).context(missing)
    };
    let registered = match command {
        Callback::Add { base: given } => {
            let base = base(given)?;
            callbacks.can_verify().with_context(|| base.clone())?;
            callbacks.register(&url(&base)).await
        }
        Callback::List => callbacks.registered().await,
        Callback::Remove { base: given } => callbacks.unregister(&url(&base(given)?)).await,
    };
    for url in registered.with_context(place)? {
        print(&url)?;
    }
    Ok(())
}
