//! `auth/check` and `my/…`: credentials, balance, daily limits and sender names.

use sms_core::{Money, Result};

use crate::client::api_client::ApiClient;
use crate::error::missing_value;
use crate::wire::json::Node;

/// A daily limit of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quota {
    /// Messages per day; `None` if sms.ru does not report it.
    pub total: Option<u64>,
    /// Messages used today.
    pub used: u64,
}

pub(crate) async fn check_auth(client: &ApiClient) -> Result<()> {
    client.call("auth/check", client.form(), &[]).await.map(drop)
}

pub(crate) async fn balance(client: &ApiClient) -> Result<Money> {
    let reply = client.call("my/balance", client.form(), &[]).await?;
    reply.money("balance").ok_or_else(|| missing_value("balance"))
}

pub(crate) async fn limit(client: &ApiClient) -> Result<Quota> {
    let reply = client.call("my/limit", client.form(), &[]).await?;
    quota(&reply, "total_limit").ok_or_else(|| missing_value("daily limit"))
}

pub(crate) async fn free(client: &ApiClient) -> Result<Quota> {
    let reply = client.call("my/free", client.form(), &[]).await?;
    quota(&reply, "total_free").ok_or_else(|| missing_value("number of free messages"))
}

pub(crate) async fn senders(client: &ApiClient) -> Result<Vec<String>> {
    let reply = client.call("my/senders", client.form(), &[]).await?;
    Ok(reply.texts("senders"))
}

/// Reads a quota; `None` if the reply has neither of its numbers.
fn quota(reply: &Node, total_key: &str) -> Option<Quota> {
    let (total, used) = (reply.count(total_key), reply.count("used_today"));
    // In recorded replies `used_today` is null before the first message of the day.
    (total.is_some() || used.is_some()).then(|| Quota { total, used: used.unwrap_or(0) })
}
