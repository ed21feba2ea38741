//! The data of a server as a whole: backups, and moves to another store.

mod backup;
#[cfg(feature = "pg")]
mod copy;
mod load;
mod migrate;

use std::path::Path;

use crate::process::command;

/// Runs a command of the program with these settings; what it prints, or its error.
pub(crate) fn run(
    folder: &Path,
    arguments: &[&str],
    settings: &[(&str, &str)],
) -> Result<String, String> {
    let mut command = command(folder, arguments);
    // `pg_dump` is looked for in PATH.
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", path).env("SMS_LOG", "warn").envs(settings.iter().copied());
    let output = command.output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}
