//! The `sms-server` program.

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
#[expect(clippy::print_stderr, reason = "why the program failed is for the person who ran it")]
async fn main() -> ExitCode {
    match sms_server::run(sms_server::cli::Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", sms_server::one_line(&error));
            ExitCode::FAILURE
        }
    }
}
