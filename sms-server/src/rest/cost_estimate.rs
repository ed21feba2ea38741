//! The cost of messages before they are sent, as the provider tells it.

use serde::Serialize;
use sms_core::{Money, PhoneNumber, Price, PriceQuery, Prices as _, Sandbox};
use utoipa::ToSchema;

use super::meaning::Meaning;
use crate::app::App;
use crate::app::price_cache::{NoPrice, UnknownCost};
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

/// The prices of these messages of a caller, and who told them. Those of a test key go through the
/// sandbox.
pub(super) async fn prices_of(
    app: &App,
    caller: &Principal,
    messages: &[PriceQuery],
) -> Result<Result<(String, Vec<Price>), UnknownCost>, Problem> {
    if caller.route().is_some() {
        let prices = Sandbox::new().quote(messages).await?;
        return Ok(Ok((Sandbox::NAME.to_owned(), prices)));
    }
    let Some(monitor) = &app.0.provider else { return Ok(Err(UnknownCost::CannotTell)) };
    Ok(match monitor.prices(messages).await? {
        Some(Ok(prices)) => Ok((monitor.name().to_owned(), prices)),
        Some(Err(NoPrice::CannotTell)) => Err(UnknownCost::CannotTell),
        Some(Err(NoPrice::NoAnswer)) => Err(UnknownCost::NoAnswer),
        None => Err(UnknownCost::Paused),
    })
}

impl CostEstimate {
    /// The cost of these messages of a caller.
    pub(super) async fn of(
        app: &App,
        caller: &Principal,
        messages: &[PriceQuery],
    ) -> Result<Self, Problem> {
        Ok(match prices_of(app, caller, messages).await? {
            Ok((provider, prices)) => Self::known(app, &provider, messages, prices),
            Err(reason) => Self::unknown(reason),
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
