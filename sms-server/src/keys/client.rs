//! Clients: the owners of messages, each with one key or several.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sms_core::registry::{Expect, Record};
use sms_core::{Error, ErrorKind, FieldError, Registry, Result};
use time::OffsetDateTime;

use super::format::{letters, random_letters};
use super::key::ApiKey;
use super::new_key::wrong_name;

/// The kind of the records in the registry.
const KIND: &str = "client";
/// The code of an error about a client that does not exist.
pub(crate) const UNKNOWN_CLIENT: &str = "client_unknown";
/// The length of a client's id. It differs from that of a key's id, which is also the id of the
/// client of a key from an early build: the two never collide.
const ID: usize = 12;

/// An owner of messages. All of its keys see, cancel and repeat the same messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Client {
    /// The id, which messages bear as their owner.
    #[serde(skip)]
    pub id: String,
    /// The name, for people. Several clients may have the same.
    pub name: String,
    /// The time at which it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

impl Client {
    /// A client for one key alone.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the system has no random bytes.
    pub(super) fn random(name: &str, created_at: OffsetDateTime) -> Result<Self> {
        Ok(Self { id: random_letters::<ID>()?, name: name.to_owned(), created_at })
    }

    /// A client that is asked for by name. The id comes from the name, so that two processes that
    /// make it at the same time make one client.
    fn named(name: &str, created_at: OffsetDateTime) -> Self {
        Self { id: letters(&Sha256::digest(name)[..ID]), name: name.to_owned(), created_at }
    }

    /// The client of a key that may have no record of its client: a key of an early build.
    pub(super) fn of_key(key: &ApiKey) -> Self {
        Self { id: key.client.clone(), name: key.name.clone(), created_at: key.created_at }
    }

    fn read(record: &Record) -> Result<Self> {
        let unreadable = |error| {
            Error::new(ErrorKind::Internal, "a client in the registry cannot be read")
                .with_source(error)
        };
        let client: Self = serde_json::from_value(record.value.clone()).map_err(unreadable)?;
        Ok(Self { id: record.name.clone(), ..client })
    }
}

/// The clients of a set of keys.
#[derive(Debug)]
pub(super) struct Clients(BTreeMap<String, Client>);

impl Clients {
    /// Reads the clients. Those of keys that have no record of their client are among them.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub(super) async fn read(registry: &dyn Registry, keys: &[ApiKey]) -> Result<Self> {
        let mut clients = BTreeMap::new();
        for record in registry.list(KIND).await? {
            clients.insert(record.name.clone(), Client::read(&record)?);
        }
        for key in keys {
            clients.entry(key.client.clone()).or_insert_with(|| Client::of_key(key));
        }
        Ok(Self(clients))
    }

    /// The clients, by id.
    pub(super) fn into_vec(self) -> Vec<Client> {
        self.0.into_values().collect()
    }

    /// The client of a key.
    pub(super) fn of(&self, key: &ApiKey) -> Client {
        self.0.get(&key.client).cloned().unwrap_or_else(|| Client::of_key(key))
    }

    /// The client with this id or, if none has it, this name; `None` if none has the name either.
    ///
    /// # Errors
    ///
    /// `Invalid` when several clients have the name.
    pub(super) fn find(&self, id_or_name: &str) -> Result<Option<Client>> {
        if let Some(client) = self.0.get(id_or_name) {
            return Ok(Some(client.clone()));
        }
        let named: Vec<&Client> =
            self.0.values().filter(|client| client.name == id_or_name).collect();
        if named.len() > 1 {
            let ids = named.iter().map(|client| client.id.as_str()).collect::<Vec<_>>().join(", ");
            let rule = format!("several clients have this name; give the id of one: {ids}");
            return Err(FieldError::new("client", "client_ambiguous", rule).into());
        }
        Ok(named.first().map(|client| (*client).clone()))
    }
}

/// Makes the client of this name, which no client has.
///
/// # Errors
///
/// The registry's; `Unavailable` when the system has no random bytes.
pub(super) async fn create_named(
    registry: &dyn Registry,
    name: &str,
    created_at: OffsetDateTime,
) -> Result<Client> {
    let client = ensure(registry, &Client::named(name, created_at)).await?;
    if client.name == name {
        return Ok(client);
    }
    // The one that was made by this name has another name by now, and its messages are not those of
    // this one.
    ensure(registry, &Client::random(name, created_at)?).await
}

/// Finds the record of a client. Clients of keys from an early build have none.
///
/// # Errors
///
/// The registry's.
pub(super) async fn find(registry: &dyn Registry, id: &str) -> Result<Option<Client>> {
    registry.get(KIND, id).await?.map(|record| Client::read(&record)).transpose()
}

/// Writes the record of a client unless there is one. Returns the client of the record.
///
/// # Errors
///
/// The registry's.
pub(super) async fn ensure(registry: &dyn Registry, client: &Client) -> Result<Client> {
    match registry.put(KIND, &client.id, &to_json(client)?, Expect::Absent).await {
        Ok(_) => Ok(client.clone()),
        Err(error) if error.kind() == ErrorKind::Conflict => {
            Ok(find(registry, &client.id).await?.unwrap_or_else(|| client.clone()))
        }
        Err(error) => Err(error),
    }
}

/// Writes the record of a client over the one there is.
///
/// # Errors
///
/// The registry's.
pub(super) async fn write(registry: &dyn Registry, client: &Client) -> Result<()> {
    registry.put(KIND, &client.id, &to_json(client)?, Expect::Anything).await.map(drop)
}

fn to_json(client: &Client) -> Result<serde_json::Value> {
    let unwritable =
        |error| Error::new(ErrorKind::Internal, "a client cannot be written").with_source(error);
    serde_json::to_value(client).map_err(unwritable)
}

/// Checks the name of a client, which is in this field.
pub(super) fn check_name(field: &'static str, code: &'static str, name: &str) -> Result<()> {
    wrong_name(field, code, name).map_or(Ok(()), |error| Err(error.into()))
}
