//! `backup`: writes a copy of the store while servers are running.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use time::format_description::well_known::Rfc3339;

use crate::adapters::{StoreAddress, secret_key};
use crate::config::{Config, Key};
use crate::keys::now;
use crate::output::print;
use crate::store_marks;

/// Arguments of `backup`.
#[derive(Debug, Args)]
pub struct BackupCommand {
    /// The file to write, which must not exist
    file: PathBuf,
    /// With PostgreSQL: run `pg_dump`, in place of printing its command
    #[arg(long)]
    run: bool,
}

/// Writes the backup of the store of this configuration; with `PostgreSQL`, prints or runs the
/// command that does.
///
/// # Errors
///
/// Those of the store and of `pg_dump`.
pub(crate) async fn run(config: &Config, command: BackupCommand) -> anyhow::Result<()> {
    let place = || config.place(Key::Store);
    let address = StoreAddress::read(&config.store).with_context(place)?;
    let BackupCommand { file, run } = command;
    // Before the copy begins: what is accepted during it may be in it or not.
    let at = now();
    let mark = store_marks::of_backup(at)?;
    let Some(written) = address.backup(&file, mark).await.with_context(place)? else {
        return dump(config, &address, file, run).await;
    };
    let at = at.format(&Rfc3339)?;
    #[expect(clippy::cast_precision_loss, reason = "it is shown with one digit")]
    let megabytes = written.bytes as f64 / 1e6;
    print(&format!(
        "{}: {megabytes:.1} MB, {} messages, as of {at}, checked. {}",
        file.display(),
        written.messages,
        secret_to_keep(config)?
    ))
}

/// What must be kept with a backup: without it, encrypted secrets cannot be read.
fn secret_to_keep(config: &Config) -> anyhow::Result<String> {
    let (configured, file) = secret_key(config)?;
    Ok(match (configured.keys, file) {
        (Some(_), _) => format!("Keep the value of {} too.", configured.place),
        (None, Some(file)) => format!("Keep {} too.", file.path().display()),
        (None, None) => String::new(),
    })
}

#[cfg(feature = "pg")]
async fn dump(
    config: &Config,
    address: &StoreAddress,
    file: PathBuf,
    run: bool,
) -> anyhow::Result<()> {
    use super::pg_dump::{Dump, check_version};

    let place = || config.place(Key::Store);
    let server = address.server().await.with_context(place)?;
    let server = server.with_context(place)?;
    let dump = Dump::new(&config.store, &server.schema, file).with_context(place)?;
    check_version(server.version)?;
    if !run {
        return print(&dump.shown());
    }
    let at = now().format(&Rfc3339)?;
    let file = dump.file.clone();
    let bytes = tokio::task::spawn_blocking(move || dump.run()).await??;
    #[expect(clippy::cast_precision_loss, reason = "it is shown with one digit")]
    let megabytes = bytes as f64 / 1e6;
    print(&format!(
        "{}: {megabytes:.1} MB, as of {at}. {}",
        file.display(),
        secret_to_keep(config)?
    ))
}

#[cfg(not(feature = "pg"))]
#[expect(clippy::unused_async, reason = "as with PostgreSQL")]
async fn dump(_: &Config, _: &StoreAddress, _: PathBuf, _: bool) -> anyhow::Result<()> {
    anyhow::bail!("this build has no store that needs another program for its backup")
}
