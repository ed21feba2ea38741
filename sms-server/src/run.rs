//! The commands.

use anyhow::bail;
use secrecy::ExposeSecret;

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
fn check(config: &Config) -> anyhow::Result<()> {
    compose::StoreAddress::read(&config.store)?;
    compose::queue(&config.queue)?;
    compose::provider(&config.provider)?;
    println!("The configuration is valid.");
    Ok(())
}
