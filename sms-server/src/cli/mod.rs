//! The command line: its arguments, and one file for each command.

mod args;
mod callback;
mod client;
mod config;
mod keys;
mod messages;
mod migrate;

pub use self::args::{Cli, Command, Settings};
pub use self::callback::Callback;
pub use self::config::ConfigCommand;
pub use self::keys::Keys;
pub use self::messages::{SendCommand, StatusCommand};
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
    // These need the settings of a client, and none of a server.
    match cli.command {
        Some(Command::Send(command)) => return messages::send(command).await,
        Some(Command::Status(command)) => return messages::status(command).await,
        _ => {}
    }
    let config =
        Config::load(cli.settings.config.as_deref(), std::env::vars_os(), &cli.settings.given())?;
    logging::start(&config)?;
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => Box::pin(serve::serve(config)).await,
        Command::Keys(command) => keys::run(&config, command).await,
        Command::Migrate => migrate::run(&config).await,
        Command::Callback(command) => callback::run(&config, command).await,
        Command::Openapi => print(openapi()),
        Command::Config(command) => config::run(&config, command).await,
        Command::Send(command) => messages::send(command).await,
        Command::Status(command) => messages::status(command).await,
    }
}
