//! The log, on standard error.

mod lines;

use std::fs::File;
use std::io::{IsTerminal, stderr};
use std::os::fd::AsFd;
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use self::lines::Lines;
use crate::config::{Config, LogFormat};

/// The longest that the end of the program waits for its log.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// What was started, of which there is one as there is one standard error.
static LINES: OnceLock<Lines> = OnceLock::new();

/// Starts the log. Whoever logs waits for nothing and fails at nothing: a thread of its own writes
/// the lines, and those that cannot be written are dropped and counted. Panics are logged, too.
///
/// # Errors
///
/// A second start.
pub fn start(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(config.log.directives()).context("the log's filter")?;
    // The standard library's has a lock, on which a panic anywhere would wait for a sink that does
    // not read.
    let sink = File::from(stderr().as_fd().try_clone_to_owned().context("standard error")?);
    let tell = |lines| {
        tracing::warn!(
            "{lines} log lines were dropped: they could not be written, or not fast enough"
        );
    };
    let lines = Lines::start(sink, tell).context("log: no thread to write it")?;
    let colours = stderr().is_terminal();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(lines.clone())
        .log_internal_errors(false)
        .with_ansi(colours);
    match config.log_format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    }
    .map_err(anyhow::Error::from_boxed)?;
    let _ = LINES.set(lines);
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// Waits until what was logged is written, a second at the most.
pub fn flush() {
    if let Some(lines) = LINES.get() {
        lines.flush(FLUSH_TIMEOUT);
    }
}

/// In place of the standard hook, which writes to standard error by itself: it would block there,
/// and what is said of a slice or of a value that was not expected can hold a number or a text. So
/// only fixed words are logged, and the place.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    let words = panic.payload().downcast_ref::<&'static str>();
    tracing::error!(place, words, "the program's code failed (panic)");
}
