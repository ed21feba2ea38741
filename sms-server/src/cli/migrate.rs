//! `migrate`: brings the schema of the store up to date.

use anyhow::Context as _;
use clap::Args;

use crate::adapters::StoreAddress;
use crate::config::{Config, Key};
use crate::output::print;

/// Arguments of `migrate`.
#[derive(Debug, Args)]
pub struct MigrateCommand {
    /// Print what would be done, and which programs could use the result; change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Migrates the store of this configuration.
///
/// # Errors
///
/// Those of the store; a program that is too old for it.
pub(crate) async fn run(config: &Config, command: &MigrateCommand) -> anyhow::Result<()> {
    let place = || config.place(Key::Store);
    let address = StoreAddress::read(&config.store).with_context(place)?;
    if command.dry_run {
        let plan = address.migration_plan().await.with_context(place)?;
        print(&plan.to_string())?;
        return plan.check().map(drop).with_context(place);
    }
    let schema = address.migrate().await.with_context(place)?;
    print(&format!("The schema of the store is {schema}."))
}
