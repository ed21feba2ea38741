//! `copy`: moves everything in a store to another one, also to one of another kind.

use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use sms_core::registry::Expect;
use sms_core::store::{ListRequest, RescueRequest};
use sms_core::transfer::tables::TABLES;
use sms_core::transfer::{Fence, Progress, Row};
use sms_core::{Archive as _, MessageId, Registry, Status, Store as _, Transfer};
use time::format_description::well_known::Rfc3339;
use tokio::time::{Instant, sleep};

use super::alive::alive_workers;
use crate::adapters::{OpenStore, StoreAddress};
use crate::config::{Config, Key, redacted};
use crate::keys::now;
use crate::output::print;
use crate::secrets::{self, Configured};
use crate::store_marks::{self, COPY, KIND, MOVED};

/// Rows that are copied in one transaction.
const BATCH: usize = 1000;
/// Leases that are ended in one call.
const RESCUE: usize = 1000;
/// The longest wait for calls to the provider that are in flight.
const MAX_DRAIN: Duration = Duration::from_mins(15);
const DRAIN_INTERVAL: Duration = Duration::from_millis(200);
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// Arguments of `copy`.
#[derive(Debug, Args)]
pub struct CopyCommand {
    /// The store to copy: its address, or `@FILE` for a file with the address
    #[arg(long, value_name = "ADDRESS")]
    from: String,
    /// The store to copy to, which must be empty: its address, or `@FILE`
    #[arg(long, value_name = "ADDRESS", required_unless_present = "unfence")]
    to: Option<String>,
    /// Let servers use the store at `--from` again after a copy that was given up. The other store
    /// must not be used
    #[arg(long, conflicts_with = "to")]
    unfence: bool,
}

/// Runs the command. May be run again after it was interrupted.
///
/// # Errors
///
/// A target that is not empty; another secret key; counts that differ; those of the stores.
pub(crate) async fn run(config: &Config, command: CopyCommand) -> anyhow::Result<()> {
    let from = Side::open(config, "--from", &command.from, true).await?;
    let Some(to) = &command.to else { return unfence(&from).await };
    // The marks are not copied: what they keep from being sent would be sent from the target.
    let complete = store_marks::check_content(from.registry(), from.store.identity.as_deref());
    complete.await.context("--from")?;
    check_secret_key(config, &from, to).await?;
    let to = Side::open(config, "--to", to, false).await?;
    let known = announced(&from, &to).await?;
    let (copy, mut position) = match (progress(&to, known.as_ref()).await?, known) {
        // The source has been frozen since an earlier run.
        (Some(position), Some(known)) => (known.copy, position),
        (_, Some(known)) if known.is_complete => {
            bail!("--from: the store was moved to {} completely", to.shown)
        }
        (_, known) => {
            refuse_used(&to).await?;
            let copy = match known {
                Some(known) => known.copy,
                None => announce(&from, &to).await?,
            };
            freeze(&from, &to).await?;
            let position = CopyPosition::default();
            let value = position.document(&copy, &from);
            to.registry().put(KIND, COPY, &value, Expect::Absent).await?;
            (copy, position)
        }
    };
    position.copy(&copy, &from, &to).await?;
    compare(&from, &to).await?;
    finish(&from, &to, &copy).await
}

/// One of the two stores.
struct Side {
    store: OpenStore,
    /// The address without its secrets.
    shown: String,
}

impl Side {
    async fn open(
        config: &Config,
        flag: &str,
        given: &str,
        must_exist: bool,
    ) -> anyhow::Result<Self> {
        let address = address(given).with_context(|| flag.to_owned())?;
        let shown = redacted(address.expose_secret());
        let place = || format!("{flag} {shown}");
        let store = StoreAddress::read(&address).with_context(place)?;
        if must_exist && store.is_missing() {
            bail!("{}: there is no such file", place());
        }
        let store = store.patient().open(config.region).await.with_context(place)?;
        Ok(Self { store, shown })
    }

    fn transfer(&self) -> &dyn Transfer {
        &*self.store.transfer
    }

    fn registry(&self) -> &dyn Registry {
        &*self.store.registry
    }
}

/// An address, or the one in a file: every user of a machine can read a command line.
fn address(given: &str) -> anyhow::Result<SecretString> {
    let Some(file) = given.strip_prefix('@') else { return Ok(given.into()) };
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
    Ok(text.trim().into())
}

/// Checks that servers on the target will have the key with which the secrets are encrypted.
async fn check_secret_key(config: &Config, from: &Side, to: &str) -> anyhow::Result<()> {
    let target = StoreAddress::read(&address(to)?).context("--to")?;
    let place = config.place(Key::SecretKey);
    let configured = Configured { keys: config.secret_key.as_ref(), place };
    let registry = std::sync::Arc::clone(&from.store.registry);
    secrets::check_key(configured, target.key_file(), registry).await
}

/// A copy that was begun by an earlier run.
#[derive(Debug)]
struct Known {
    /// Its name.
    copy: String,
    is_complete: bool,
}

/// The copy from this source to this target that was begun; `None` if there is none.
async fn announced(from: &Side, to: &Side) -> anyhow::Result<Option<Known>> {
    let Some(mark) = from.registry().get(KIND, MOVED).await? else { return Ok(None) };
    let known = &mark.value["to"];
    if known != to.shown.as_str() {
        bail!("--from: the store is being moved to {known}, not to {}", to.shown);
    }
    let copy = mark.value["copy"].as_str().context("--from: the mark of the copy is damaged")?;
    Ok(Some(Known { copy: copy.to_owned(), is_complete: mark.value["complete"] == true }))
}

/// Marks the source as moved to this target, so that no server starts on it. Returns the name of
/// the copy.
async fn announce(from: &Side, to: &Side) -> anyhow::Result<String> {
    let copy = MessageId::new().to_string();
    from.registry().put(KIND, MOVED, &moved(&copy, to, false)?, Expect::Absent).await?;
    Ok(copy)
}

fn moved(copy: &str, to: &Side, complete: bool) -> anyhow::Result<Value> {
    let at = now().format(&Rfc3339)?;
    Ok(json!({ "copy": copy, "to": to.shown, "at": at, "complete": complete }))
}

/// The position of the last row that was copied.
#[derive(Debug, Default)]
struct CopyPosition {
    table: usize,
    after: Option<Row>,
}

impl CopyPosition {
    fn document(&self, copy: &str, from: &Side) -> Value {
        json!({ "copy": copy, "from": from.shown, "table": self.table, "after": self.after })
    }

    /// Copies every row after this position.
    async fn copy(&mut self, copy: &str, from: &Side, to: &Side) -> anyhow::Result<()> {
        let (started, mut rows) = (Instant::now(), 0);
        while let Some(table) = TABLES.get(self.table) {
            let read = from.transfer().read(table, self.after.as_ref(), BATCH).await;
            let found = read.with_context(|| format!("--from: {}", table.name))?;
            rows += found.len();
            let Some(last) = found.last().cloned() else {
                *self = Self { table: self.table + 1, after: None };
                continue;
            };
            self.after = Some(last);
            let progress = Progress::new(KIND, COPY, self.document(copy, from));
            let written = to.transfer().write(table, found, progress).await;
            written.with_context(|| format!("--to: {}", table.name))?;
            tracing::debug!(table = table.name, rows, took = ?started.elapsed(), "copying");
        }
        Ok(())
    }
}

/// How far an earlier run has come; `None` if there was none.
async fn progress(to: &Side, known: Option<&Known>) -> anyhow::Result<Option<CopyPosition>> {
    let Some(mark) = to.registry().get(KIND, COPY).await? else { return Ok(None) };
    if known.is_none_or(|known| mark.value["copy"] != known.copy.as_str()) {
        bail!(
            "--to: the store holds a part of another copy, from {}; empty it first",
            mark.value["from"]
        );
    }
    let table = mark.value["table"].as_u64().and_then(|table| usize::try_from(table).ok());
    let table = table.context("--to: the mark of the copy is damaged")?;
    let after = Some(mark.value["after"].clone()).filter(|after| !after.is_null());
    Ok(Some(CopyPosition { table, after }))
}

/// Refuses a target with any content, or with a worker.
async fn refuse_used(to: &Side) -> anyhow::Result<()> {
    for table in TABLES {
        let count = to.transfer().count_rows(table).await?;
        if count > 0 {
            bail!("--to: the store is not empty: {} has {count} rows", table.name);
        }
    }
    if let Some(name) = alive_workers(&to.store.registry).await?.first() {
        bail!("--to: the worker {name} is running on the store; stop every process on it");
    }
    Ok(())
}

/// Stops all work on the source: first what is new, then, when the outcomes of the calls in flight
/// are recorded, everything. So no message is being sent while it is copied.
async fn freeze(from: &Side, to: &Side) -> anyhow::Result<()> {
    let reason = format!("the store was moved to {}", to.shown);
    from.transfer().fence(Fence::NoNewWork { reason: reason.clone() }).await?;
    drain(from).await?;
    Ok(from.transfer().fence(Fence::Frozen { reason }).await?)
}

/// Waits until no message is being sent. Those of a worker that is gone become unknown when their
/// leases are over.
async fn drain(from: &Side) -> anyhow::Result<()> {
    let (store, started) = (&from.store.store, Instant::now());
    let mut reported = started;
    loop {
        store.rescue(RescueRequest::new(RESCUE)).await?;
        let sending = ListRequest::new(1).statuses([Status::Sending]);
        let sending = store.count(&sending).await?.count;
        if sending == 0 {
            return Ok(());
        }
        if started.elapsed() > MAX_DRAIN {
            bail!("--from: {sending} messages are still being sent; run this again");
        }
        if reported.elapsed() > REPORT_INTERVAL {
            reported = Instant::now();
            tracing::info!(sending, "waiting for the messages that are being sent");
        }
        sleep(DRAIN_INTERVAL).await;
    }
}

/// Compares the number of rows of each table, and prints it.
async fn compare(from: &Side, to: &Side) -> anyhow::Result<()> {
    let mut different = Vec::new();
    for table in TABLES {
        let there = from.transfer().count_rows(table).await?;
        let here = to.transfer().count_rows(table).await?;
        print(&format!("{:<16} {there:>12} {here:>12}", table.name))?;
        if there != here {
            different.push(table.name);
        }
    }
    if !different.is_empty() {
        bail!(
            "the stores differ in {}; empty the store at --to, and run this again",
            different.join(", ")
        );
    }
    Ok(())
}

/// Lets servers use the target. The source stays closed.
async fn finish(from: &Side, to: &Side, copy: &str) -> anyhow::Result<()> {
    from.registry().put(KIND, MOVED, &moved(copy, to, true)?, Expect::Anything).await?;
    store_marks::release(to.registry(), to.store.identity.as_deref()).await?;
    to.registry().delete(KIND, COPY).await?;
    print(&format!(
        "Everything is in {} now. Start the servers with this store; {} is closed to them.",
        to.shown, from.shown
    ))
}

/// Opens the source again.
async fn unfence(from: &Side) -> anyhow::Result<()> {
    let mark = from.registry().get(KIND, MOVED).await?;
    from.transfer().fence(Fence::Open).await?;
    from.registry().delete(KIND, MOVED).await?;
    let Some(mark) = mark else { return print("The store was not closed.") };
    let to = mark.value["to"].as_str().unwrap_or_default();
    print(&format!(
        "{} is open to servers again. Never start one on {to}: it would send the same messages.",
        from.shown
    ))
}
