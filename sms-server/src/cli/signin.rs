//! `signin`: makes a one-time link to the web UI.

use clap::Args;
use secrecy::ExposeSecret as _;

use super::keys::{explain_client, read_scopes};
use crate::adapters;
use crate::config::Config;
use crate::keys::KeyRing;
use crate::output::print;
use crate::sessions::Sessions;

/// A person who is to sign in.
#[derive(Debug, Args)]
pub struct SignIn {
    /// The name of the person, for the record of who did something
    #[arg(long)]
    name: String,
    /// The client that owns what the person sends, by its id or name, as `keys list` shows them
    /// [default: the client with the name of the person]
    #[arg(long)]
    client: Option<String>,
    /// The permissions: send, read, admin
    #[arg(long, value_delimiter = ',', default_value = "send,read")]
    scopes: Vec<String>,
}

/// Prints a link for the server of this configuration, just the link. The server need not run.
///
/// # Errors
///
/// An unknown scope or client; the store's.
pub(crate) async fn run(config: &Config, command: SignIn) -> anyhow::Result<()> {
    let SignIn { name, client, scopes } = command;
    let scopes = read_scopes(&scopes)?;
    let registry = adapters::open_store(config).await?.registry;
    let sessions = Sessions::new(KeyRing::new(registry, None));
    let token = sessions.create_link(&name, client.as_deref(), &scopes).await;
    let link = config.public_url_at(config.listen).sign_in_link(&token.map_err(explain_client)?);
    print(link.expose_secret())
}
