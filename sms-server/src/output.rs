//! Text that the program prints for the person who runs it.

use std::io::{self, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::Context;

use crate::cli::one_line;

/// How long text is waited for that the program can do without.
const PATIENCE: Duration = Duration::from_secs(1);

/// Prints the result of a command.
///
/// # Errors
///
/// It cannot be printed: a command without its result has failed.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")
        .and_then(|()| stdout.flush())
        .context("cannot write to standard output")
}

/// Prints why the program failed on standard error.
pub fn complain(error: &anyhow::Error) {
    try_print(io::stderr(), format!("error: {}\n", one_line(error)));
}

/// Prints text that the program can do without: a reader that is gone or stuck fails nothing, and
/// is waited for a second.
pub(crate) fn try_print(mut to: impl Write + Send + 'static, text: String) {
    let (done, printed) = mpsc::channel();
    let print = move || {
        let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
        let _ = done.send(());
    };
    if thread::Builder::new().spawn(print).is_ok() {
        let _ = printed.recv_timeout(PATIENCE);
    }
}
