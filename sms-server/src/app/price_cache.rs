//! Prices for estimates: asked for rarely, and remembered for a while.
//!
//! Somebody who types a text asks with each letter. The price depends on the recipient, the parts
//! and the sender, so that nearly every such question has the answer of the one before.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sms_core::message::text::{self, Encoding};
use sms_core::message::translit::latin;
use sms_core::supervise::catch_panic;
use sms_core::{PhoneNumber, Price, PriceQuery, Provider};
use tokio::time::{Instant, sleep_until, timeout};
use utoipa::ToSchema;

/// The time for which a price is remembered.
const TTL: Duration = Duration::from_mins(5);
/// Prices that are remembered at most.
const MAX_KNOWN: usize = 10_000;
/// The longest that an estimate waits for its prices, its turn included.
const PRICE_TIMEOUT: Duration = Duration::from_secs(5);
/// The least time between two calls of the provider.
const CALL_INTERVAL: Duration = Duration::from_millis(500);

/// The prices of one provider that are known.
#[derive(Default)]
pub(crate) struct PriceCache {
    known: Mutex<HashMap<Key, (Instant, Price)>>,
    /// The time of the last call. Held during a call: there is one at a time.
    last_call: tokio::sync::Mutex<Option<Instant>>,
}

/// Reasons for which no price is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoPrice {
    /// The provider cannot tell prices.
    CannotTell,
    /// The provider did not answer, or not in time.
    NoAnswer,
}

/// Reasons why no cost is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UnknownCost {
    /// The provider does not tell prices.
    CannotTell,
    /// The provider is paused.
    Paused,
    /// The provider did not answer in time.
    NoAnswer,
}

/// The key of a cached price. It holds the text too, because a provider may refuse a text.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Size { to: PhoneNumber, encoding: u8, parts: usize, from: Option<String> },
    Text(PriceQuery),
}

impl Key {
    fn of_size(query: &PriceQuery) -> Self {
        let counted = if query.translit {
            text::count(&latin(&query.text))
        } else {
            text::count(&query.text)
        };
        let encoding = match counted.encoding {
            Encoding::Gsm7 => 0,
            Encoding::Ucs2 => 1,
        };
        Self::Size { to: query.to, encoding, parts: counted.parts, from: query.from.clone() }
    }
}

impl PriceCache {
    /// The price of each message, in order. The provider is called only for those that are not
    /// known, once for all of them.
    pub(crate) async fn prices(
        &self,
        provider: &dyn Provider,
        queries: &[PriceQuery],
    ) -> Result<Vec<Price>, NoPrice> {
        let source = provider.prices().ok_or(NoPrice::CannotTell)?;
        if let Some(prices) = self.all_known(queries) {
            return Ok(prices);
        }
        let ask = async {
            let mut last_call = self.last_call.lock().await;
            // Another request may have asked for the same in the meantime.
            let missing: Vec<PriceQuery> =
                queries.iter().filter(|query| self.known(query).is_none()).cloned().collect();
            if missing.is_empty() {
                return Ok(());
            }
            if let Some(at) = *last_call {
                sleep_until(at + CALL_INTERVAL).await;
            }
            *last_call = Some(Instant::now());
            let prices = catch_panic(source.quote(&missing)).await?;
            self.remember(&missing, prices);
            Ok::<(), sms_core::Error>(())
        };
        match timeout(PRICE_TIMEOUT, ask).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(%error, "the provider did not tell prices");
                return Err(NoPrice::NoAnswer);
            }
            Err(_) => return Err(NoPrice::NoAnswer),
        }
        let price = |query| self.known(query).unwrap_or_else(Price::unknown);
        Ok(queries.iter().map(price).collect())
    }

    fn all_known(&self, queries: &[PriceQuery]) -> Option<Vec<Price>> {
        queries.iter().map(|query| self.known(query)).collect()
    }

    fn known(&self, query: &PriceQuery) -> Option<Price> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |key: &Key| {
            known.get(key).filter(|(at, _)| at.elapsed() < TTL).map(|(_, price)| price.clone())
        };
        fresh(&Key::Text(query.clone())).or_else(|| fresh(&Key::of_size(query)))
    }

    fn remember(&self, queries: &[PriceQuery], prices: Vec<Price>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() + prices.len() > MAX_KNOWN {
            known.retain(|_, (at, _)| at.elapsed() < TTL);
        }
        if known.len() + prices.len() > MAX_KNOWN {
            known.clear();
        }
        for (query, price) in queries.iter().zip(prices) {
            let key = match price.cost {
                Some(_) => Key::of_size(query),
                None => Key::Text(query.clone()),
            };
            known.insert(key, (Instant::now(), price));
        }
    }
}

impl fmt::Debug for PriceCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PriceCache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
