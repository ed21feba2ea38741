//! What the account has left.

use sms_core::{Account, AccountInfo, Money, Result, async_trait};

use crate::SmsRu;
use crate::code::{self, Level, Meaning};
use crate::smsru::incomplete;
use crate::wire::json::{Field, Node};

/// How many messages of a kind may be sent a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quota {
    /// How many a day; `None` where sms.ru does not say.
    pub total: Option<u64>,
    /// How many of them were used today.
    pub used: u64,
}

impl SmsRu {
    /// `auth/check`: whether sms.ru accepts our credentials.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn check_auth(&self) -> Result<()> {
        self.ask("auth/check", self.form(), &[]).await.map(drop)
    }

    /// `my/balance`: the money on the account.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn balance(&self) -> Result<Money> {
        let reply = self.ask("my/balance", self.form(), &[]).await?;
        reply.money("balance").ok_or_else(|| incomplete("balance"))
    }

    /// `my/limit`: how many messages the account may send a day.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn limit(&self) -> Result<Quota> {
        let reply = self.ask("my/limit", self.form(), &[]).await?;
        quota(&reply, "total_limit").ok_or_else(|| incomplete("daily limit"))
    }

    /// `my/free`: how many messages to one's own number are free a day.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn free(&self) -> Result<Quota> {
        let reply = self.ask("my/free", self.form(), &[]).await?;
        quota(&reply, "total_free").ok_or_else(|| incomplete("number of free messages"))
    }

    /// `my/senders`: the sender names the account may use.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn senders(&self) -> Result<Vec<String>> {
        let reply = self.ask("my/senders", self.form(), &[]).await?;
        Ok(texts(&reply, "senders"))
    }
}

/// `None` when neither number can be read: that was no answer to the question.
fn quota(reply: &Node, key: &str) -> Option<Quota> {
    let (total, used) = (reply.count(key), reply.count("used_today"));
    // Recorded: `used_today` is null before the first message of the day.
    (total.is_some() || used.is_some()).then(|| Quota { total, used: used.unwrap_or(0) })
}

/// The texts in a list, which is absent where it would be empty.
pub(crate) fn texts(reply: &Node, key: &str) -> Vec<String> {
    if let Field::One(Node::Text(text)) = reply.field(key) {
        return vec![text.trim().to_owned()];
    }
    let text = |node: &Node| match node {
        Node::Text(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Node::Number(number) => Some(number.to_string()),
        _ => None,
    };
    reply.entries(key).into_iter().filter_map(|(_, node)| text(node)).collect()
}

#[async_trait]
impl Account for SmsRu {
    async fn check(&self) -> Result<()> {
        self.look_whether_blocked().await
    }

    /// Credentials, money, the daily limit and the sender.
    fn covers(&self, code: i32) -> bool {
        let row = code::of_sending(code, Level::Request);
        row.is_some_and(|row| matches!(row.meaning, Meaning::Blocked(_)))
    }

    async fn info(&self) -> Result<AccountInfo> {
        let (balance, limit, senders) = tokio::join!(self.balance(), self.limit(), self.senders());
        if let (Err(error), Err(_), Err(_)) = (&balance, &limit, &senders) {
            tracing::warn!(%error, "sms.ru told nothing about the account");
            return Err(balance.err().unwrap_or_else(|| incomplete("balance")));
        }
        let mut info = AccountInfo::default();
        info.balance = balance.ok();
        info.daily_limit = limit.as_ref().ok().and_then(|limit| limit.total);
        info.used_today = limit.ok().map(|limit| limit.used);
        info.senders = senders.unwrap_or_default();
        Ok(info)
    }
}
