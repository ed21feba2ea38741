//! The command line: its arguments, and one file for each command.

mod alive;
mod args;
mod backup;
mod callback;
mod client;
mod config;
mod copy;
mod healthcheck;
mod keys;
mod messages;
mod migrate;
#[cfg(feature = "pg")]
mod pg_dump;
mod restored;
mod secrets;
mod send_csv;
mod signin;

pub use self::args::{Cli, Command, Settings};
pub use self::backup::BackupCommand;
pub use self::callback::Callback;
pub use self::config::ConfigCommand;
pub use self::copy::CopyCommand;
pub use self::healthcheck::Healthcheck;
pub use self::keys::Keys;
pub use self::messages::{SendCommand, StatusCommand};
pub use self::migrate::MigrateCommand;
pub use self::restored::RestoredCommand;
pub use self::secrets::SecretsCommand;
pub use self::send_csv::SendCsvCommand;
pub use self::signin::SignIn;
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
    let load = || Config::load(settings.config.as_deref(), std::env::vars_os(), &settings.given());
    let start = || -> anyhow::Result<Config> {
        let config = load()?;
        logging::start(&config, None)?;
        Ok(config)
    };
    match command.unwrap_or(Command::Serve) {
        Command::Serve => {
            let config = load()?;
            // The file belongs to the server: the other commands run while it does.
            logging::start(&config, config.log_files())?;
            Box::pin(serve::serve(config)).await
        }
        Command::Keys(command) => keys::run(&start()?, command).await,
        Command::Signin(command) => signin::run(&start()?, command).await,
        Command::Secrets(command) => secrets::run(&start()?, command).await,
        Command::Migrate(command) => migrate::run(&start()?, &command).await,
        Command::Backup(command) => backup::run(&start()?, command).await,
        Command::Copy(command) => copy::run(&start()?, command).await,
        Command::Restored(command) => restored::run(&start()?, command).await,
        Command::Callback(command) => callback::run(&start()?, command).await,
        Command::Openapi => start().and_then(|_| print(openapi())),
        Command::Config(command) => config::run(&start()?, command).await,
        Command::Healthcheck(command) => healthcheck::run(&start()?, &command).await,
        Command::Send(command) => messages::send(command).await,
        Command::SendCsv(command) => send_csv::run(command).await,
        Command::Status(command) => messages::status(command).await,
    }
}
