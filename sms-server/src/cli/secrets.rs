//! `secrets`: changes the secret key.

use clap::Subcommand;

use crate::adapters;
use crate::config::Config;
use crate::output::print;
use crate::secrets;

/// Operations on the secret key.
#[derive(Debug, Subcommand)]
pub enum SecretsCommand {
    /// Encrypt every secret in the store with a new key: the first one in `SMS_SECRET_KEY`, or for
    /// SQLite without it one that is made
    Rotate,
}

/// Runs the command on the store of this configuration.
///
/// # Errors
///
/// A configuration without a new key; the store's.
pub(crate) async fn run(config: &Config, command: SecretsCommand) -> anyhow::Result<()> {
    let SecretsCommand::Rotate = command;
    let registry = adapters::open_store(config).await?.registry;
    let (configured, file) = adapters::secret_key(config)?;
    let has_setting = configured.keys.is_some();
    let count = secrets::rotate(configured, file, registry).await?;
    let rest = if has_setting { "; the old key can be removed from the setting" } else { "" };
    print(&format!("secrets encrypted with the new key: {count}{rest}"))
}
