//! The cost of messages before they are sent, as the provider tells it.

use serde::Serialize;
use sms_core::{Money, PhoneNumber, Price, PriceQuery, Prices as _, Sandbox};
use utoipa::ToSchema;

use super::meaning::Meaning;
use crate::app::App;
use crate::app::price_cache::NoPrice;
use crate::http::problem::Problem;
use crate::keys::Principal;

/// The cost of messages.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CostEstimate {
    /// The cost of all messages with a known one: a decimal number as text, in the provider's
    /// currency. Null if no cost is known.
    #[schema(value_type = Option<String>)]
    total: Option<Money>,
    /// The reason why no cost is known; absent if one is, or the provider would refuse each
    /// message.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<UnknownCost>,
    /// The messages, in the order of the recipients; empty if no cost is known.
    recipients: Vec<RecipientCost>,
}

/// Reasons why no cost is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum UnknownCost {
    /// The provider does not tell prices.
    CannotTell,
    /// The provider is paused.
    Paused,
    /// The provider did not answer in time.
    NoAnswer,
}

/// The cost of one message.
#[derive(Debug, Serialize, ToSchema)]
struct RecipientCost {
    #[schema(value_type = String)]
    to: PhoneNumber,
    /// Null if the provider would refuse the message, or does not tell the price.
    #[schema(value_type = Option<String>)]
    cost: Option<Money>,
    /// Parts that the provider charges for.
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<u64>,
    /// The provider's code with which it would refuse the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<Meaning>,
}

impl CostEstimate {
    /// The cost of these messages of a caller. Those of a test key go through the sandbox.
    pub(super) async fn of(
        app: &App,
        caller: &Principal,
        messages: &[PriceQuery],
    ) -> Result<Self, Problem> {
        if caller.route().is_some() {
            let prices = Sandbox::new().quote(messages).await?;
            return Ok(Self::known(app, Sandbox::NAME, messages, prices));
        }
        let Some(monitor) = &app.0.provider else {
            return Ok(Self::unknown(UnknownCost::CannotTell));
        };
        Ok(match monitor.prices(messages).await? {
            Some(Ok(prices)) => Self::known(app, monitor.name(), messages, prices),
            Some(Err(NoPrice::CannotTell)) => Self::unknown(UnknownCost::CannotTell),
            Some(Err(NoPrice::NoAnswer)) => Self::unknown(UnknownCost::NoAnswer),
            None => Self::unknown(UnknownCost::Paused),
        })
    }

    const fn unknown(reason: UnknownCost) -> Self {
        Self { total: None, unknown: Some(reason), recipients: Vec::new() }
    }

    fn known(app: &App, provider: &str, messages: &[PriceQuery], prices: Vec<Price>) -> Self {
        let costs = prices.iter().filter_map(|price| price.cost);
        let total = costs.map(Money::micros).reduce(i64::saturating_add).map(Money::from_micros);
        let is_refused = |price: &Price| price.code.is_some();
        if total.is_none() && !prices.iter().any(is_refused) {
            return Self::unknown(UnknownCost::CannotTell);
        }
        let recipient = |(message, price): (&PriceQuery, Price)| RecipientCost {
            to: message.to,
            cost: price.cost,
            parts: price.parts,
            code: price.code,
            meaning: price.code.and_then(|code| app.explain(provider, code)).map(Meaning::from),
        };
        let recipients = messages.iter().zip(prices).map(recipient).collect();
        Self { total, unknown: None, recipients }
    }
}
