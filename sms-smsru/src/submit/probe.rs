//! Whether the reason the account was last refused for is gone. Sends nothing.

use sms_core::{Error, ErrorKind, Money, Result};

use crate::SmsRu;
use crate::code::Block;
use crate::methods::cost::CostRequest;

impl SmsRu {
    /// The credentials are always looked at first: they are behind most refusals, and a service
    /// that is down fails here.
    pub(crate) async fn look_whether_blocked(&self) -> Result<()> {
        self.check_auth().await?;
        let Some(blocked) = self.line.blocked() else { return Ok(()) };
        match blocked.why {
            Some(Block::Money) => self.look_for_money(blocked.unpaid.as_ref()).await,
            Some(Block::DailyLimit) => self.look_at_limit().await,
            Some(Block::Sender) => self.look_for_sender().await,
            Some(Block::Credentials) | None => Ok(()),
        }
    }

    async fn look_for_money(&self, unpaid: Option<&CostRequest>) -> Result<()> {
        let (balance, price) = tokio::join!(self.balance(), self.price(unpaid));
        let (balance, nothing) = (balance?, Money::default());
        let enough = price.map_or(balance > nothing, |price| balance >= price);
        if enough {
            return Ok(());
        }
        let costs = price.map_or_else(String::new, |price| format!(", the message costs {price}"));
        Err(Error::new(
            ErrorKind::Unavailable,
            format!("not enough money on the account: {balance}{costs} (201)"),
        ))
    }

    async fn price(&self, unpaid: Option<&CostRequest>) -> Option<Money> {
        self.cost(unpaid?).await.ok()?.recipients.first()?.price
    }

    async fn look_at_limit(&self) -> Result<()> {
        let limit = self.limit().await?;
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

    async fn look_for_sender(&self) -> Result<()> {
        if self.senders().await?.is_empty() {
            let reason = "the account must first create a sender name: it has none (221)";
            return Err(Error::new(ErrorKind::Config, reason));
        }
        Ok(())
    }
}
