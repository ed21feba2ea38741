//! Benchmark of the server and the library. In the same run it measures the limits of the machine,
//! called the floor, as the baseline.
//!
//! `sms-bench` without a command measures everything and writes `target/bench/summary.json`: see
//! docs/PERFORMANCE.md. The commands are the processes that a run starts.

#![expect(clippy::print_stdout, reason = "the output of this program is a table")]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures are rounded"
)]

mod backends;
mod cases;
mod clock;
mod floor;
mod library;
mod load;
mod percentiles;
mod process;
mod report;
mod sink;
mod system;
mod text;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

/// Measures the server and the library against the limits of this machine.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Makes the runs four times as long, and adds cases that are in no row.
    #[arg(long)]
    full: bool,
    /// Measures only these cases, separated by commas.
    #[arg(long, value_delimiter = ',')]
    only: Vec<cases::Name>,
    /// Duration of each measurement of the floor, in milliseconds.
    #[arg(long, default_value_t = 1000)]
    floor_ms: u64,
    /// File for the figures.
    #[arg(long, default_value = "target/bench/summary.json")]
    output: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Sends requests to a server.
    Load(load::Load),
    /// Runs a stand-in for sms.ru that accepts everything.
    Sink {
        #[arg(long)]
        port: u16,
    },
    /// Runs a bare axum server.
    Hello {
        #[arg(long)]
        port: u16,
    },
    /// Runs the library.
    Library(library::Library),
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    // One thread for the client and the stand-in, so that they take little CPU time from the
    // measured process.
    let mut runtime = match &cli.command {
        Some(Command::Load(_) | Command::Sink { .. }) => {
            tokio::runtime::Builder::new_current_thread()
        }
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    runtime.enable_all().build()?.block_on(run(cli))
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Some(Command::Load(load)) => print(&load.run().await?),
        Some(Command::Library(library)) => print(&library.run().await?),
        Some(Command::Sink { port }) => sink::serve(port).await,
        Some(Command::Hello { port }) => floor::http::serve(port).await,
        None => {
            cases::run(cli.full, Duration::from_millis(cli.floor_ms), &cli.only, &cli.output).await
        }
    }
}

fn print(result: &impl serde::Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(result)?);
    Ok(())
}
