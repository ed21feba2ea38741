//! Link of a message to an earlier one that it sends again.

use serde::{Deserialize, Serialize};

use super::id::MessageId;

/// The reason for which a message exists: an earlier one is sent again, as a new message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Resend {
    /// Id of the earlier message.
    pub of: MessageId,
    /// The reason, in the words of the person who asked for it.
    pub reason: String,
    /// The person or key that asked for it.
    pub by: String,
}

impl Resend {
    /// The earlier message is sent again for this reason.
    pub fn new(of: MessageId, reason: impl Into<String>, by: impl Into<String>) -> Self {
        Self { of, reason: reason.into(), by: by.into() }
    }
}
