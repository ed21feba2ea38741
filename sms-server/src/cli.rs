//! The command line.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Sends SMS: a REST API, a queue, workers and a log of every attempt, in one process.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// The settings.
    #[command(flatten)]
    pub settings: Settings,
    /// What to do; `serve` when nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Settings that go before the environment and the file.
#[derive(Debug, Args)]
pub struct Settings {
    /// A TOML file with the same keys; also `SMS_CONFIG`
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where messages are kept: sqlite:data/sms.db, <postgres://user@host/database>
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub store: Option<String>,
    /// How due messages reach the workers: memory:, <redis://host:6379>, <amqp://host:5672/%2f>
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub queue: Option<String>,
    /// The address to serve on: 127.0.0.1:8080
    #[arg(long, global = true, value_name = "HOST:PORT")]
    pub listen: Option<String>,
    /// What this process does: api,worker,ui
    #[arg(long, global = true)]
    pub roles: Option<String>,
    /// What is logged: info, debug, `sms_core=debug`
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve until SIGTERM
    Serve,
    /// Make, list and revoke API keys
    #[command(subcommand)]
    Keys(Keys),
    /// Bring the schema of the store up to date; `serve` does that too, unless the address says migrate=false
    Migrate,
    /// Have the provider report deliveries to this server by itself
    #[cfg(feature = "smsru")]
    #[command(subcommand)]
    Callback(Callback),
    /// Look at the configuration
    #[command(subcommand)]
    Config(Inspect),
}

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make a key and print it, just the key; it cannot be shown again
    Create {
        /// What it is for
        #[arg(long)]
        name: String,
        /// What it allows: send, read, admin
        #[arg(long, value_delimiter = ',', default_value = "send,read")]
        scopes: Vec<String>,
    },
    /// List the keys: id, name, scopes, when made, when revoked
    List,
    /// Revoke a key, everywhere within five seconds
    Revoke {
        /// Its id, as `keys list` shows it
        id: String,
    },
}

/// What to do with the address at which the provider reports.
#[cfg(feature = "smsru")]
#[derive(Debug, Subcommand)]
pub enum Callback {
    /// Register this server at the provider, and print the address
    Add {
        /// How the provider reaches this server: <https://sms.example.org>
        base: String,
    },
    /// Print the addresses that are registered
    List,
    /// Remove this server from the provider
    Remove {
        /// The same as for `add`
        base: String,
    },
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum Inspect {
    /// Read it, and say what is wrong with it
    Check,
}

impl Settings {
    /// The settings that were given, by key. Addresses that hold secrets have no flag but `store` and `queue`, whose
    /// secrets are optional: a command line can be read by every user of a machine.
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
