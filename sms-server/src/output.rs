//! Text for the person who runs the program.

use std::io::{self, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::Context;

/// The longest that the program waits for optional text to be printed.
const PRINT_TIMEOUT: Duration = Duration::from_secs(1);

/// Prints the result of a command.
///
/// # Errors
///
/// Standard output cannot be written. A command without its result has failed.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")
        .and_then(|()| stdout.flush())
        .context("cannot write to standard output")
}

/// Prints the error that ended the program, on standard error.
pub fn print_error(error: &anyhow::Error) {
    try_print(io::stderr(), format!("error: {}\n", one_line(error)));
}

/// Prints optional text. A reader that is gone or does not read is no error, and holds the program
/// up for a second at most.
pub(crate) fn try_print(mut to: impl Write + Send + 'static, text: String) {
    let (done, printed) = mpsc::channel();
    let print = move || {
        let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
        let _ = done.send(());
    };
    if thread::Builder::new().spawn(print).is_ok() {
        let _ = printed.recv_timeout(PRINT_TIMEOUT);
    }
}

/// An error and its causes on one line, outermost first. Drivers repeat the causes that they pass
/// on: a cause that is already part of the line is left out, and one that contains the cause before
/// it replaces it.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    let mut said: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        if said.iter().any(|before| before.contains(&cause)) {
            continue;
        }
        if said.len() > 1 && said.last().is_some_and(|last| cause.contains(last.as_str())) {
            said.pop();
        }
        said.push(cause);
    }
    said.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_not_told_twice() {
        let cause = std::io::Error::other("refused");
        let driver = sms_core::Error::unavailable("no connection: refused", cause);
        let error = anyhow::Error::from(driver).context("SMS_STORE");
        assert_eq!(one_line(&error), "SMS_STORE: no connection: refused");
        let driver =
            sms_core::Error::unavailable("read-only", std::io::Error::other("code 8: read-only"));
        let error = anyhow::Error::from(driver).context("SMS_STORE");
        assert_eq!(one_line(&error), "SMS_STORE: code 8: read-only");
    }
}
