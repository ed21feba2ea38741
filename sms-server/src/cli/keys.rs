//! `keys`: creates, lists, rotates and revokes API keys.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Subcommand;
use secrecy::ExposeSecret;
use sms_core::clock::datetime_from_ms;
use sms_core::{Clock as _, Error, NumberReader, PhoneNumber, SystemClock};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::adapters;
use crate::config::Config;
use crate::keys::{KeyDetails, KeyKind, KeyRing, KeyScope, NewKey, UNKNOWN_CLIENT};
use crate::output::print;

/// Operations on API keys.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Create a key and print it, just the key; it cannot be shown again
    Create {
        /// The purpose of the key
        #[arg(long)]
        name: String,
        /// The client that owns what is sent with the key, by its id or name, as `keys list`
        /// shows them [default: a new client with the name of the key]
        #[arg(long)]
        client: Option<String>,
        /// The name of a new client that owns what is sent with the key
        #[arg(long, conflicts_with = "client")]
        new_client: Option<String>,
        /// The permissions: send, read, admin
        #[arg(long, value_delimiter = ',', default_value = "send,read")]
        scopes: Vec<String>,
        /// The kind: live, or test for a key with which nothing reaches the provider
        #[arg(long, default_value = "live")]
        kind: String,
        /// The only phone numbers that the key may send to [default: every number]
        #[arg(long, value_delimiter = ',', value_name = "NUMBERS")]
        allow: Vec<String>,
        /// The time after which the key expires: 12h, 90d [default: never]
        #[arg(long, value_name = "TIME", value_parser = duration)]
        expires_in: Option<Duration>,
    },
    /// List the keys: id, name, client, scopes, then when each was created and last used, when it
    /// expires or was revoked, whether it is a test key, and the numbers that it may send to
    List,
    /// Create another key for the same client and print it; the old one stays valid for a while
    Rotate {
        /// The id of the old key, as `keys list` shows it
        id: String,
        /// The time for which the old key stays valid: 90m, 24h, 7d; 0s ends it at once
        #[arg(long, default_value = "24h", value_parser = duration)]
        overlap: Duration,
    },
    /// Revoke a key, on every node within five seconds
    Revoke {
        /// The id of the key, as `keys list` shows it
        id: String,
    },
}

/// Runs the command on the store of this configuration.
///
/// # Errors
///
/// An unknown scope or key; the store's.
pub(crate) async fn run(config: &Config, command: Keys) -> anyhow::Result<()> {
    let registry = adapters::open_store(config).await?.registry;
    let ring = KeyRing::new(registry, None);
    match command {
        Keys::Create { name, client, new_client, scopes, kind, allow, expires_in } => {
            let unknown = || format!("--kind: unknown kind `{kind}`; known are live, test");
            let kind = KeyKind::from_name(&kind).with_context(unknown)?;
            let end = expires_in.map(time_in).transpose()?;
            let key = NewKey::new(name, &read_scopes(&scopes)?)
                .kind(kind)
                .allowed_numbers(read_numbers(config, &allow)?)
                .expires_at(end);
            let issued = match (client, new_client) {
                (Some(client), _) => ring.issue_for(&client, key).await.map_err(explain_client)?,
                (None, Some(client)) => ring.issue_for_new_client(&client, key).await?,
                (None, None) => ring.issue(None, key).await?,
            };
            print(issued.secret.expose_secret())
        }
        Keys::List => ring.list().await?.iter().try_for_each(|details| print(&line(details)?)),
        Keys::Rotate { id, overlap } => {
            print(ring.rotate(&id, overlap).await?.secret.expose_secret())
        }
        Keys::Revoke { id } => Ok(ring.revoke(&id).await?),
    }
}

/// Adds the commands that help with a client that does not exist.
pub(super) fn explain_client(error: Error) -> anyhow::Error {
    if error.code() == UNKNOWN_CLIENT {
        let help = "`keys list` shows the clients, `--new-client` makes one";
        return anyhow!("--{error}; {help}");
    }
    error.into()
}

pub(super) fn read_scopes(names: &[String]) -> anyhow::Result<Vec<KeyScope>> {
    let read = |name: &String| {
        let unknown = || format!("--scopes: unknown scope `{name}`; known are send, read, admin");
        KeyScope::from_name(name.trim()).with_context(unknown)
    };
    names.iter().map(read).collect()
}

fn read_numbers(config: &Config, numbers: &[String]) -> anyhow::Result<Vec<PhoneNumber>> {
    let reader = NumberReader::new(config.region);
    numbers.iter().map(|number| reader.read(number).context("--allow")).collect()
}

/// The time at which a key of this duration expires.
fn time_in(duration: Duration) -> anyhow::Result<OffsetDateTime> {
    if duration.is_zero() {
        bail!("--expires-in: must be in the future");
    }
    let now = datetime_from_ms(SystemClock.now_ms());
    let end = duration.try_into().ok().and_then(|duration| now.checked_add(duration));
    end.context("--expires-in: this is too long")
}

/// Reads a number and its unit: `90m`.
fn duration(text: &str) -> anyhow::Result<Duration> {
    let (number, unit) =
        text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => bail!("give a number and a unit: 90m, 24h, 7d"),
    };
    let number: u64 = number.parse().context("give a number and a unit: 90m, 24h, 7d")?;
    number.checked_mul(seconds).map(Duration::from_secs).context("this is too long")
}

/// A key on one line, with tabs.
fn line(details: &KeyDetails) -> anyhow::Result<String> {
    let KeyDetails { key, client, last_used_at, .. } = details;
    let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    let owner = format!("{} ({})", client.name, client.id);
    let mut columns = vec![key.id.clone(), key.name.clone(), owner, scopes.join(",")];
    let times: [(&str, Option<OffsetDateTime>); 4] = [
        ("created", Some(key.created_at)),
        ("last used", *last_used_at),
        ("expires", key.expires_at),
        ("revoked", key.revoked_at),
    ];
    for (event, at) in times {
        if let Some(at) = at {
            columns.push(format!("{event} {}", at.format(&Rfc3339)?));
        }
    }
    if key.kind == KeyKind::Test {
        columns.push("test".to_owned());
    }
    if !key.allowed_numbers.is_empty() {
        let numbers: Vec<String> = key.allowed_numbers.iter().map(ToString::to_string).collect();
        columns.push(format!("only to {}", numbers.join(",")));
    }
    Ok(columns.join("\t"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_with_a_unit() {
        for (text, seconds) in [("0s", 0), ("90m", 5400), ("24h", 86400), ("7d", 604_800)] {
            assert_eq!(duration(text).unwrap(), Duration::from_secs(seconds), "{text}");
        }
        for wrong in ["", "24", "h", "-1h", "1.5h", "1w", "24 h", "18446744073709551615d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
