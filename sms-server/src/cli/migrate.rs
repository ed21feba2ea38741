//! `migrate`: brings the schema of the store up to date.

use anyhow::Context as _;

use crate::adapters::StoreAddress;
use crate::config::{Config, Key};
use crate::output::print;

/// Migrates the store of this configuration.
///
/// # Errors
///
/// Those of the store.
pub(crate) async fn run(config: &Config) -> anyhow::Result<()> {
    let migrate = async { StoreAddress::read(&config.store)?.migrate().await };
    let schema = migrate.await.with_context(|| config.place(Key::Store))?;
    print(&format!("The schema of the store is {schema}."))
}
