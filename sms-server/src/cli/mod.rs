//! The command line: its arguments, and one file for each command.

mod args;
mod callback;
mod client;
mod config;
mod keys;
mod messages;
mod migrate;
mod send_csv;

pub use self::args::{Cli, Command, Settings};
pub use self::callback::Callback;
pub use self::config::ConfigCommand;
pub use self::keys::Keys;
pub use self::messages::{SendCommand, StatusCommand};
pub use self::send_csv::SendCsvCommand;
use crate::config::Config;
use crate::output::print;
use crate::routes::openapi;
use crate::{logging, serve};

/// Runs the command of the command line.
///
/// # Errors
///
/// The reason why the command failed, for the person who called it.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let Cli { settings, command } = cli;
    // Only for commands of a server: those of a client work without its settings.
    let start = || -> anyhow::Result<Config> {
        let config =
            Config::load(settings.config.as_deref(), std::env::vars_os(), &settings.given())?;
        logging::start(&config)?;
        Ok(config)
    };
    match command.unwrap_or(Command::Serve) {
        Command::Serve => Box::pin(serve::serve(start()?)).await,
        Command::Keys(command) => keys::run(&start()?, command).await,
        Command::Migrate => migrate::run(&start()?).await,
        Command::Callback(command) => callback::run(&start()?, command).await,
        Command::Openapi => start().and_then(|_| print(openapi())),
        Command::Config(command) => config::run(&start()?, command).await,
        Command::Send(command) => messages::send(command).await,
        Command::SendCsv(command) => send_csv::run(command).await,
        Command::Status(command) => messages::status(command).await,
    }
}
