//! Check if the reason of the last refusal of the account is gone. Sends no message.

use sms_core::{Error, ErrorKind, Money, Result};

use crate::client::api_client::ApiClient;
use crate::client::block::UnpaidMessage;
use crate::client::session::Session;
use crate::code::BlockReason;
use crate::methods::account;
use crate::methods::cost::{CostRequest, cost};

/// Checks the credentials, then the reason of the last refusal. The credentials come first because
/// they are the cause of most refusals, and because this call fails while the service is down.
pub(crate) async fn check(session: &Session) -> Result<()> {
    let client = &session.client;
    account::check_auth(client).await?;
    let Some(block) = session.block() else { return Ok(()) };
    match block.reason {
        Some(BlockReason::Money) => check_money(client, block.unpaid).await,
        Some(BlockReason::DailyLimit) => check_daily_limit(client).await,
        Some(BlockReason::Sender) => check_sender(client).await,
        Some(BlockReason::Credentials) | None => Ok(()),
    }
}

async fn check_money(client: &ApiClient, unpaid: Option<UnpaidMessage>) -> Result<()> {
    let (balance, price) = tokio::join!(account::balance(client), price(client, unpaid));
    let balance = balance?;
    let is_enough = price.map_or(balance > Money::default(), |price| balance >= price);
    if is_enough {
        return Ok(());
    }
    let costs = price.map_or_else(String::new, |price| format!(", the message costs {price}"));
    Err(Error::new(
        ErrorKind::Unavailable,
        format!("not enough money on the account: {balance}{costs} (201)"),
    ))
}

async fn price(client: &ApiClient, unpaid: Option<UnpaidMessage>) -> Option<Money> {
    let message = unpaid?;
    let mut request = CostRequest::new([message.to], message.text).translit(message.translit);
    if let Some(from) = message.from {
        request = request.from(from);
    }
    cost(client, &request).await.ok()?.recipients.first()?.price
}

async fn check_daily_limit(client: &ApiClient) -> Result<()> {
    let limit = account::limit(client).await?;
    match limit.total {
        Some(total) if limit.used >= total => Err(Error::new(
            ErrorKind::Unavailable,
            format!(
                "the account's daily limit of messages is reached: {} of {total} (206)",
                limit.used
            ),
        )),
        _ => Ok(()),
    }
}

async fn check_sender(client: &ApiClient) -> Result<()> {
    if account::senders(client).await?.is_empty() {
        let reason = "the account must first create a sender name: it has none (221)";
        return Err(Error::new(ErrorKind::Config, reason));
    }
    Ok(())
}
