//! Log on standard error, or in files that are rotated.

mod lines;
mod rotated;

use std::fs::File;
use std::io::{IsTerminal, Write, stderr};
use std::os::fd::AsFd;
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use self::lines::Lines;
use self::rotated::RotatedFile;
use crate::config::{Config, LogFiles, LogFormat};

/// The longest that the program waits at its end for the log to be written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// The log of the process.
static LINES: OnceLock<Lines> = OnceLock::new();

/// Starts the log, in these files or on standard error. Logging never blocks and never fails: a
/// separate thread writes the lines, and lines that cannot be written are dropped and counted.
/// Panics are logged, too.
///
/// # Errors
///
/// A log that is started already; a log file that cannot be written.
pub(crate) fn start(config: &Config, files: Option<LogFiles>) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(config.log.directives()).context("the log's filter")?;
    let colours = files.is_none() && stderr().is_terminal();
    let sink: Box<dyn Write + Send> = match files {
        Some(files) => Box::new(RotatedFile::open(files)?),
        // A second handle, since that of the standard library has a lock: while the sink does not
        // read, a panic anywhere would wait for that lock.
        None => {
            Box::new(File::from(stderr().as_fd().try_clone_to_owned().context("standard error")?))
        }
    };
    let tell = |lines| {
        tracing::warn!(
            "{lines} log lines were dropped: they could not be written, or not fast enough"
        );
    };
    let lines = Lines::start(sink, tell).context("log: no thread to write it")?;
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

/// Waits until everything logged so far is written, for a second at most.
pub fn flush() {
    if let Some(lines) = LINES.get() {
        lines.flush(FLUSH_TIMEOUT);
    }
}

/// Logs a panic. The standard hook would write to standard error itself, and block while nobody
/// reads; and the message of a panic may contain a value, such as a phone number. Only a constant
/// message is logged, and the place.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    let words = panic.payload().downcast_ref::<&'static str>();
    tracing::error!(place, words, "the program's code failed (panic)");
}
