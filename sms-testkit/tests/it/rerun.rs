//! A second run of this test program, for one test in another environment.

use std::process::Command;

pub(crate) fn command(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", test, "--nocapture"]);
    command
}
