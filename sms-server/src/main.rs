//! The `sms-server` program.

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    let ended = sms_server::run(sms_server::cli::Cli::parse()).await;
    sms_server::logging::flush();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            sms_server::print_error(&error);
            ExitCode::FAILURE
        }
    }
}
