//! Kinds of records about work over many messages.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A kind of records in the registry.
pub(crate) trait Kind: Serialize + DeserializeOwned {
    /// Its name in the registry.
    const NAME: &'static str;

    /// The id of the record.
    fn id(&self) -> &str;

    /// The owner with the keys that see it; `None` if only keys that see everything do.
    fn owner(&self) -> Option<&str>;
}
