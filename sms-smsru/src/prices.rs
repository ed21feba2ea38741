//! Prices by `sms/cost`.

use std::collections::HashSet;

use sms_core::{PhoneNumber, Price, PriceQuery, Prices, Result, async_trait};

use crate::config::MAX_BATCH;
use crate::methods::cost::{CostRequest, RecipientCost};
use crate::smsru::SmsRu;

#[async_trait]
impl Prices for SmsRu {
    /// One request for up to 100 messages to different numbers with the same options.
    async fn quote(&self, queries: &[PriceQuery]) -> Result<Vec<Price>> {
        let mut prices = Vec::with_capacity(queries.len());
        let mut rest = queries;
        while !rest.is_empty() {
            let (request, later) = rest.split_at(one_request(rest));
            let cost = self.cost(&cost_request(request)).await?;
            prices.extend(cost.recipients.iter().map(price));
            rest = later;
        }
        Ok(prices)
    }
}

/// Number of messages, from the first on, that one request can ask about. At least 1.
fn one_request(queries: &[PriceQuery]) -> usize {
    let mut numbers: HashSet<PhoneNumber> = HashSet::new();
    let options = |query: &PriceQuery| (query.from.clone(), query.translit);
    let first = queries.first().map(options);
    let fits = |query: &&PriceQuery| Some(options(query)) == first && numbers.insert(query.to);
    queries.iter().take(MAX_BATCH).take_while(fits).count().max(1)
}

fn cost_request(queries: &[PriceQuery]) -> CostRequest {
    let texts = queries.iter().map(|query| (query.to, query.text.clone()));
    let request = CostRequest::each(texts);
    match queries.first() {
        Some(PriceQuery { from: Some(from), translit, .. }) => {
            request.from(from).translit(*translit)
        }
        Some(query) => request.translit(query.translit),
        None => request,
    }
}

fn price(cost: &RecipientCost) -> Price {
    match (&cost.price, &cost.refusal) {
        (Some(price), _) => Price::known(*price, cost.parts),
        (None, Some(refusal)) => refusal.code.map_or_else(Price::unknown, Price::refused),
        (None, None) => Price::unknown(),
    }
}
