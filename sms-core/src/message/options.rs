//! Options of a message that the provider carries out.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// What a provider is asked to do beside sending the text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SendOptions {
    /// Turn Cyrillic into Latin letters before sending.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub translit: bool,
    /// Send only in the recipient's daytime; the provider holds it overnight.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub daytime: bool,
    /// Tell the provider the deadline, so that the operator destroys what it could not deliver by
    /// then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pass_deadline: bool,
    /// The address of the person who caused the message, for the provider's fraud checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_user_ip: Option<IpAddr>,
}
