//! The cost of an import, from the prices of some of its messages.

use std::collections::HashSet;

use sms_core::{Money, PhoneNumber, Price, PriceQuery};

use super::checking::CheckedFile;
use super::sample::SampleMessage;
use crate::app::App;
use crate::app::price_cache::UnknownCost;
use crate::bulk::import::ImportCost;
use crate::http::problem::Problem;
use crate::keys::Principal;
use crate::rest::cost_estimate::prices_of;

/// Messages, and their parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) messages: u64,
    pub(super) parts: u64,
}

impl Amount {
    pub(super) const fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.parts += other.parts;
    }
}

/// Asks for the cost of the messages of a file, those to numbers on the stop-list left out; `None`
/// if there are no others.
pub(super) async fn cost_of(
    app: &App,
    caller: &Principal,
    file: &CheckedFile,
    stopped: Amount,
) -> Result<Option<ImportCost>, Problem> {
    let all = Amount {
        messages: file.counts.valid.saturating_sub(stopped.messages),
        parts: file.counts.parts.saturating_sub(stopped.parts),
    };
    let numbers: Vec<PhoneNumber> = file.sample.iter().map(|it| it.to).collect();
    let listed: HashSet<PhoneNumber> = match &app.0.stop_list {
        Some(stop_list) => stop_list.listed(&numbers).await?.into_iter().collect(),
        None => HashSet::new(),
    };
    let sample: Vec<&SampleMessage> =
        file.sample.iter().filter(|it| !listed.contains(&it.to)).collect();
    if sample.is_empty() {
        return Ok(None);
    }
    let queries: Vec<PriceQuery> = sample.iter().map(|it| it.query(&file.mailing)).collect();
    let asked = Amount {
        messages: sample.len() as u64,
        parts: sample.iter().map(|it| u64::from(it.parts)).sum(),
    };
    Ok(Some(match prices_of(app, caller, &queries).await? {
        Ok((_, prices)) => known(&prices, asked, all),
        Err(reason) => unknown(asked, 0, reason),
    }))
}

const fn unknown(asked: Amount, refused: u64, reason: UnknownCost) -> ImportCost {
    let asked = asked.messages;
    ImportCost { total: None, exact: false, asked, refused, unknown: Some(reason) }
}

/// The cost of all messages, from the prices of those that were asked about.
fn known(prices: &[Price], asked: Amount, all: Amount) -> ImportCost {
    let refused = prices.iter().filter(|price| price.code.is_some()).count() as u64;
    let costs = prices.iter().filter_map(|price| price.cost).map(Money::micros);
    let is_told = |price: &Price| price.cost.is_some() || price.code.is_some();
    let sum: i128 = costs.map(i128::from).sum();
    if !prices.iter().any(is_told) {
        return unknown(asked, refused, UnknownCost::CannotTell);
    }
    let is_whole = asked.messages == all.messages;
    let total = if is_whole || asked.parts == 0 {
        sum
    } else {
        sum * i128::from(all.parts) / i128::from(asked.parts)
    };
    let total = Money::from_micros(i64::try_from(total).unwrap_or(i64::MAX));
    let exact = is_whole && prices.iter().all(is_told);
    ImportCost { total: Some(total), exact, asked: asked.messages, refused, unknown: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(money: &str) -> Price {
        Price::known(Money::parse(money).expect("money"), Some(1))
    }

    fn amount(messages: u64, parts: u64) -> Amount {
        Amount { messages, parts }
    }

    fn shown(cost: &ImportCost) -> (Option<String>, bool, u64) {
        (cost.total.map(|total| total.to_string()), cost.exact, cost.refused)
    }

    #[test]
    fn the_prices_of_all_messages_are_their_cost() {
        let cost = known(&[price("1.50"), price("3.00")], amount(2, 3), amount(2, 3));
        assert_eq!(shown(&cost), (Some("4.50".to_owned()), true, 0));
        let with_refused = known(&[price("1.50"), Price::refused(202)], amount(2, 2), amount(2, 2));
        assert_eq!(shown(&with_refused), (Some("1.50".to_owned()), true, 1));
        let with_unknown = known(&[price("1.50"), Price::unknown()], amount(2, 2), amount(2, 2));
        assert_eq!(shown(&with_unknown), (Some("1.50".to_owned()), false, 0));
    }

    #[test]
    fn the_prices_of_some_stand_for_all_by_their_parts() {
        let cost = known(&[price("1.50"), price("3.00")], amount(2, 3), amount(1000, 1500));
        assert_eq!(shown(&cost), (Some("2250.00".to_owned()), false, 0));
        assert_eq!(cost.asked, 2);
    }

    #[test]
    fn no_price_at_all_is_no_cost_of_zero() {
        let cost = known(&[Price::unknown()], amount(1, 1), amount(1, 1));
        assert_eq!((cost.total, cost.unknown), (None, Some(UnknownCost::CannotTell)));
        let refused = known(&[Price::refused(202)], amount(1, 1), amount(1, 1));
        assert_eq!(shown(&refused), (Some("0.00".to_owned()), true, 1));
    }
}
