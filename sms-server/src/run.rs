//! The commands.

use anyhow::bail;
use secrecy::ExposeSecret;
#[cfg(feature = "smsru")]
use sms_core::Provider;

#[cfg(feature = "smsru")]
use crate::callbacks;
#[cfg(feature = "smsru")]
use crate::cli::Callback;
use crate::cli::{Cli, Command, Inspect, Keys};
use crate::config::Config;
use crate::keys::{KeyRing, KeyScope};
use crate::{compose, logging, serve};

/// Does what the command line asks.
///
/// # Errors
///
/// What kept it from being done, for a person to read.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let config = Config::load(cli.settings.config.as_deref(), &environment, &cli.settings.given())?;
    logging::start(&config)?;
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => Box::pin(serve::serve(config)).await,
        Command::Keys(command) => keys(&config, command).await,
        Command::Migrate => migrate(&config).await,
        #[cfg(feature = "smsru")]
        Command::Callback(command) => callback(&config, command).await,
        Command::Config(Inspect::Check) => check(&config),
    }
}

#[expect(clippy::print_stdout, reason = "what a command prints is its result")]
async fn keys(config: &Config, command: Keys) -> anyhow::Result<()> {
    let (_, registry) = compose::StoreAddress::read(&config.store)?.open().await?;
    let ring = KeyRing::new(registry, None);
    match command {
        Keys::Create { name, scopes } => {
            let scope = |name: &String| KeyScope::from_name(name.trim()).ok_or_else(|| name.clone());
            let scopes: Vec<KeyScope> = match scopes.iter().map(scope).collect() {
                Ok(scopes) => scopes,
                Err(unknown) => bail!("--scopes: unknown scope `{unknown}`; known are send, read, admin"),
            };
            println!("{}", ring.create(&name, &scopes).await?.expose_secret());
        }
        Keys::List => {
            for key in ring.list().await? {
                let scopes = key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(",");
                let revoked = key.revoked_at.map_or_else(String::new, |at| format!("\trevoked {at}"));
                println!("{}\t{}\t{scopes}\tmade {}{revoked}", key.id, key.name, key.created_at);
            }
        }
        Keys::Revoke { id } => ring.revoke(&id).await?,
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what a command prints is its result")]
async fn migrate(config: &Config) -> anyhow::Result<()> {
    let schema = compose::StoreAddress::read(&config.store)?.migrate().await?;
    println!("The schema of the store is {schema}.");
    Ok(())
}

#[cfg(feature = "smsru")]
#[expect(clippy::print_stdout, reason = "what a command prints is its result")]
async fn callback(config: &Config, command: Callback) -> anyhow::Result<()> {
    let compose::Upstream::SmsRu(smsru) = compose::Upstream::read(&config.provider)? else {
        bail!("provider: it does not report by itself; sms.ru does");
    };
    let (_, registry) = compose::StoreAddress::read(&config.store)?.open().await?;
    let path = callbacks::path(&*registry, smsru.name()).await?;
    let url = |base: &str| format!("{}{}", base.trim_end_matches('/'), path.expose_secret());
    let registered = match command {
        Callback::Add { base } if smsru.callbacks().is_none() => {
            bail!(
                "{base}: with a login, callbacks need the api_id: add callback_api_id to the provider's address"
            )
        }
        Callback::Add { base } => smsru.callback_add(&url(&base)).await?,
        Callback::List => smsru.callback_get().await?,
        Callback::Remove { base } => smsru.callback_del(&url(&base)).await?,
    };
    for url in registered {
        println!("{url}");
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what a command prints is its result")]
fn check(config: &Config) -> anyhow::Result<()> {
    compose::StoreAddress::read(&config.store)?;
    compose::QueueAddress::read(&config.queue)?;
    compose::Upstream::read(&config.provider)?;
    println!("The configuration is valid.");
    Ok(())
}
