//! Partitions of the sandbox: the messages of one owner, which for a test key are those of the key.

use sms_core::Scope;

use crate::app::App;
use crate::http::params::{Params, Rule};
use crate::http::problem::Problem;
use crate::keys::Principal;

/// The parameter that names the partition of a key.
const KEY: &str = "key";

/// The key that a request names, if it does.
#[derive(Debug, Default)]
pub(super) struct PartitionKey(Option<String>);

impl PartitionKey {
    /// Reads the parameters of an operation that has no others.
    pub(super) fn read(params: Params) -> Result<Self, Problem> {
        let mut key = Self::default();
        params.set_each(|name, value| key.set(name, value))?;
        Ok(key)
    }

    /// Sets the key; every other parameter is unknown.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Option<Rule> {
        if name != KEY {
            return crate::http::params::unknown();
        }
        self.0 = Some(value.to_owned());
        None
    }

    /// The owner of the messages of the key, else that of the caller's.
    ///
    /// # Errors
    ///
    /// `not_found` for a key that does not exist, and for one with messages that the caller does
    /// not see.
    pub(super) async fn owner(&self, app: &App, caller: &Principal) -> Result<String, Problem> {
        let Some(key) = &self.0 else { return Ok(caller.owner().to_owned()) };
        let owner = app.0.keys.owner(key).await?.ok_or_else(Problem::not_found)?;
        if caller.scope().admits(Some(&owner)) { Ok(owner) } else { Err(Problem::not_found()) }
    }

    /// The messages of the key, else those that the caller sees.
    ///
    /// # Errors
    ///
    /// As those of [`owner`](Self::owner).
    pub(super) async fn scope(&self, app: &App, caller: &Principal) -> Result<Scope, Problem> {
        match self.0 {
            Some(_) => Ok(Scope::Owner(self.owner(app, caller).await?)),
            None => Ok(caller.scope()),
        }
    }
}
