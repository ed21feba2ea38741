//! The `sms-server` program.

use clap::Parser;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    sms_server::run(sms_server::cli::Cli::parse()).await
}
