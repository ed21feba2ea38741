//! Arguments of the command line.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::backup::BackupCommand;
use super::callback::Callback;
use super::config::ConfigCommand;
use super::copy::CopyCommand;
use super::healthcheck::Healthcheck;
use super::keys::Keys;
use super::messages::{SendCommand, StatusCommand};
use super::migrate::MigrateCommand;
use super::restored::RestoredCommand;
use super::secrets::SecretsCommand;
use super::send_csv::SendCsvCommand;
use super::signin::SignIn;

/// The end of `--help`: the settings as environment variables.
const VARIABLES: &str = "\
Settings in the environment; flags override them, and they override the file:
  SMS_STORE           where messages are kept [default: sqlite:data/sms.db]
  SMS_STORE_WAIT_SECONDS  how long the start waits for a store that is away [default: 30]
  SMS_QUEUE           how due messages reach the workers [default: memory:]
  SMS_PROVIDER        what sends them: sandbox:, smsru://API_ID@sms.ru [default: sandbox:]
  SMS_LISTEN          the address to serve on [default: 127.0.0.1:8080]
  SMS_METRICS_LISTEN  the address of metrics and probes, without a key [default: none]
  SMS_PUBLIC_URL      the address at which people reach the server, with its path [default: none]
  SMS_LABEL           the name of this installation, for people who use several [default: none]
  SMS_MASK_NUMBERS    hide the middle of phone numbers on pages [default: true]
  SMS_TRUSTED_PROXIES the proxies that are believed about X-Forwarded-For [default: none]
  SMS_ROLES           what this process does [default: api,worker,ui]
  SMS_ADMIN_KEY       a key with every scope, 16 characters at least [default: none]
  SMS_SECRET_KEY      encrypts secrets in the store; with PostgreSQL, 32 characters [default: none]
  SMS_REGION          the country of the national number formats [default: RU]
  SMS_TIMEZONE        the time zone of what people type [default: Europe/Moscow]
  SMS_RETENTION_DAYS  days that ended messages are kept, at least 3 [default: 90]
  SMS_TEXT_RETENTION_DAYS  days that they keep their text, at least 1 [default: none]
  SMS_CONCURRENCY     calls to the provider in flight at most [default: 8]
  SMS_LOG             what is logged: info, debug, info,sms_core=debug [default: info]
  SMS_LOG_FORMAT      text or json [default: text]
  SMS_LOG_FILE        the file of the log [default: standard error]
  SMS_LOG_ROTATE      when a new file begins: daily or hourly [default: daily]
  SMS_LOG_MAX_FILES   log files kept, the current one included [default: 14]
  SMS_LOG_MAX_MB      megabytes of all log files together [default: 1000]
  SMS_CONFIG          a TOML file with the same keys, in lower case and without SMS_
SMS_STORE_FILE, SMS_QUEUE_FILE, SMS_PROVIDER_FILE, SMS_ADMIN_KEY_FILE and SMS_SECRET_KEY_FILE
name files with the value.
For send, send-csv and status: SMS_KEY, an API key, and SMS_URL, the server
[default: http://127.0.0.1:8080].
All about them: docs/CONFIGURATION.md";

/// Sends SMS: a REST API, a queue, workers and a log of every attempt, in one process.
#[derive(Debug, Parser)]
#[command(version, after_help = VARIABLES)]
pub struct Cli {
    /// Settings given as flags.
    #[command(flatten)]
    pub settings: Settings,
    /// The command; `serve` by default.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Settings that override the environment and the file.
#[derive(Debug, Args)]
pub struct Settings {
    /// A TOML file with the same keys; also `SMS_CONFIG`
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The store of the messages: `sqlite:data/sms.db`, `postgres://user@host/database`
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub store: Option<String>,
    /// The queue of due messages: `memory:`, `redis://host:6379`, `amqp://host:5672/%2f`
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub queue: Option<String>,
    /// The address to serve on: 127.0.0.1:8080
    #[arg(long, global = true, value_name = "IP:PORT")]
    pub listen: Option<String>,
    /// The roles of this process: api,worker,ui
    #[arg(long, global = true)]
    pub roles: Option<String>,
    /// The filter of the log: info, debug, `sms_core=debug`
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<String>,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve until SIGTERM
    Serve,
    /// Create, list, rotate and revoke API keys
    #[command(subcommand)]
    Keys(Keys),
    /// Print a link with which a person signs in to the web UI, once, within ten minutes
    Signin(SignIn),
    /// Change the secret key
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// Bring the schema of the store up to date; `serve` does that too, unless the address says
    /// migrate=false
    Migrate(MigrateCommand),
    /// Write a backup of the store to a new file, while servers are running
    Backup(BackupCommand),
    /// After a backup was restored: hold what may have been sent since, so that nothing is sent
    /// twice
    Restored(RestoredCommand),
    /// Move everything to another store; the servers may run, and accept nothing from then on
    Copy(CopyCommand),
    /// Have the provider report deliveries to this server by itself
    #[command(subcommand)]
    Callback(Callback),
    /// Print the OpenAPI document of the API
    Openapi,
    /// Tell by the exit code whether the server of the same settings accepts messages
    Healthcheck(Healthcheck),
    /// Send a message through a running server, and print its id
    Send(SendCommand),
    /// Send a message to each row of a CSV file, after a preview and a question
    SendCsv(SendCsvCommand),
    /// Print the status of a message
    Status(StatusCommand),
    /// Show the configuration and try it
    #[command(subcommand)]
    Config(ConfigCommand),
}

impl Settings {
    /// The settings that were given, by key. Every user of a machine can read a command line: only
    /// `store` and `queue` are flags although they may hold a secret, since theirs is optional.
    pub fn given(&self) -> BTreeMap<&'static str, String> {
        let all = [
            ("store", &self.store),
            ("queue", &self.queue),
            ("listen", &self.listen),
            ("roles", &self.roles),
            ("log", &self.log),
        ];
        all.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::config::{Config, Key, variable};

    #[test]
    fn help_shows_every_variable_with_its_default() {
        let help = Cli::command().render_help().to_string();
        for key in Key::ALL {
            let line = help
                .lines()
                .find(|line| line.trim_start().starts_with(&format!("{} ", variable(key))));
            let default = format!("[default: {}]", Config::default().shown(key));
            assert!(line.is_some_and(|line| line.ends_with(&default)), "{}: {line:?}", key.name());
        }
        assert!(help.contains("SMS_CONFIG") && help.contains("SMS_PROVIDER_FILE"));
    }
}
