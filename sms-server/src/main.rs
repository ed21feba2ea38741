//! The `sms-server` program.

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
#[expect(clippy::print_stderr, reason = "why the program failed is for the person who ran it")]
async fn main() -> ExitCode {
    match sms_server::run(sms_server::cli::Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The whole chain of causes in one line.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
