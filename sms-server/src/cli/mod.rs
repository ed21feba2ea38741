//! The commands.

mod args;
mod config;
mod keys;

use anyhow::Context;
#[cfg(feature = "smsru")]
use anyhow::bail;
#[cfg(feature = "smsru")]
use secrecy::ExposeSecret;
#[cfg(feature = "smsru")]
use sms_core::Provider;

#[cfg(feature = "smsru")]
pub use self::args::Callback;
pub use self::args::{Cli, Command, Inspect, Settings};
pub use self::keys::Keys;
#[cfg(feature = "smsru")]
use crate::app::callbacks;
use crate::config::{Config, Key};
use crate::output::print;
use crate::{adapters, logging, serve};

/// Does what the command line asks.
///
/// # Errors
///
/// What kept it from being done, for a person to read.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let config =
        Config::load(cli.settings.config.as_deref(), std::env::vars_os(), &cli.settings.given())?;
    logging::start(&config)?;
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => Box::pin(serve::serve(config)).await,
        Command::Keys(command) => keys::run(&config, command).await,
        Command::Migrate => migrate(&config).await,
        #[cfg(feature = "smsru")]
        Command::Callback(command) => callback(&config, command).await,
        Command::Config(Inspect::Check { offline }) => config::check(&config, offline).await,
    }
}

async fn migrate(config: &Config) -> anyhow::Result<()> {
    let migrate = async { adapters::StoreAddress::read(&config.store)?.migrate().await };
    let schema = migrate.await.with_context(|| config.place(Key::Store))?;
    print(&format!("The schema of the store is {schema}."))
}

#[cfg(feature = "smsru")]
async fn callback(config: &Config, command: Callback) -> anyhow::Result<()> {
    let place = || config.place(Key::Provider);
    let adapters::Upstream::SmsRu(smsru) =
        adapters::Upstream::read(&config.provider).with_context(place)?
    else {
        bail!("{}: the sandbox calls nobody back; sms.ru does: smsru://API_ID@sms.ru", place());
    };
    let (_, registry) = adapters::open_store(config).await?;
    let path = callbacks::callback_path(&*registry, smsru.name()).await?;
    let url = |base: &str| format!("{}{}", base.trim_end_matches('/'), path.expose_secret());
    let registered = match command {
        Callback::Add { base } if smsru.callbacks().is_none() => {
            bail!(
                "{base}: with a login, callbacks need the api_id: add callback_api_id to the provider's address"
            )
        }
        Callback::Add { base } => smsru.callback_add(&url(&base)).await,
        Callback::List => smsru.callback_get().await,
        Callback::Remove { base } => smsru.callback_del(&url(&base)).await,
    };
    for url in registered.with_context(place)? {
        print(&url)?;
    }
    Ok(())
}

/// An error and its causes, outermost first. Drivers repeat what they pass on: a cause that the
/// words before it hold already is left out, and one that holds the cause before it takes its
/// place.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    let mut said: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        if said.iter().any(|before| before.contains(&cause)) {
            continue;
        }
        if said.len() > 1 && said.last().is_some_and(|last| cause.contains(last.as_str())) {
            said.pop();
        }
        said.push(cause);
    }
    said.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_not_told_twice() {
        let cause = std::io::Error::other("refused");
        let driver = sms_core::Error::unavailable("no connection: refused", cause);
        let error = anyhow::Error::from(driver).context("SMS_STORE");
        assert_eq!(one_line(&error), "SMS_STORE: no connection: refused");
        let driver =
            sms_core::Error::unavailable("read-only", std::io::Error::other("code 8: read-only"));
        let error = anyhow::Error::from(driver).context("SMS_STORE");
        assert_eq!(one_line(&error), "SMS_STORE: code 8: read-only");
    }
}
