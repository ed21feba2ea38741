//! Tests of the prices that are remembered.

use std::sync::atomic::{AtomicUsize, Ordering};

use sms_core::{Limits, Money, Outcome, Prices, Submission, async_trait};

use super::*;

/// Refuses texts with "bad", does not answer texts with "slow", and fails on texts with "down".
#[derive(Debug, Default)]
struct Counting(AtomicUsize);

#[async_trait]
impl Provider for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }

    fn limits(&self) -> Limits {
        Limits::new(1, Duration::from_secs(1))
    }

    async fn submit(&self, _: &[Submission]) -> Vec<Outcome> {
        Vec::new()
    }

    fn prices(&self) -> Option<&dyn Prices> {
        Some(self)
    }
}

#[async_trait]
impl Prices for Counting {
    async fn quote(&self, queries: &[PriceQuery]) -> sms_core::Result<Vec<Price>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        if queries.iter().any(|query| query.text.contains("down")) {
            return Err(sms_core::Error::new(sms_core::ErrorKind::Unavailable, "down"));
        }
        if queries.iter().any(|query| query.text.contains("slow")) {
            std::future::pending::<()>().await;
        }
        let price = |query: &PriceQuery| {
            if query.text.contains("bad") { Price::refused(216) } else { known() }
        };
        Ok(queries.iter().map(price).collect())
    }
}

fn known() -> Price {
    Price::known(Money::from_micros(500_000), Some(1))
}

fn query(text: &str) -> PriceQuery {
    PriceQuery::new(PhoneNumber::parse("+79251234567").expect("valid"), text)
}

struct Asked {
    cache: PriceCache,
    provider: Counting,
}

impl Asked {
    fn new() -> Self {
        Self { cache: PriceCache::default(), provider: Counting::default() }
    }

    async fn price(&self, text: &str) -> Result<Price, NoPrice> {
        self.cache.prices(&self.provider, &[query(text)]).await.map(|mut prices| prices.remove(0))
    }

    fn calls(&self) -> usize {
        self.provider.0.load(Ordering::Relaxed)
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_that_is_typed_costs_one_call_for_each_part() {
    let asked = Asked::new();
    let text = "я".repeat(75);
    for (end, _) in text.char_indices().skip(1) {
        assert_eq!(asked.price(&text[..end]).await, Ok(known()));
    }
    assert_eq!(asked.calls(), 2);
    let (first, again) = tokio::join!(asked.price("latin"), asked.price("latin too"));
    assert_eq!((first, again, asked.calls()), (Ok(known()), Ok(known()), 3), "at the same time");
    tokio::time::advance(TTL).await;
    assert_eq!(
        (asked.price("latin").await, asked.calls()),
        (Ok(known()), 4),
        "it may have changed"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_about_its_text_only() {
    let asked = Asked::new();
    for (text, price, calls) in
        [("bad", Price::refused(216), 1), ("good", known(), 2), ("bad", Price::refused(216), 2)]
    {
        assert_eq!((asked.price(text).await, asked.calls()), (Ok(price), calls), "{text}");
    }
    let asked = Asked::new();
    for (text, calls) in [("bad", 1), ("bad", 1), ("bad!", 2)] {
        assert_eq!((asked.price(text).await, asked.calls()), (Ok(Price::refused(216)), calls));
    }
}

#[tokio::test(start_paused = true)]
async fn calls_are_made_one_at_a_time_and_not_one_after_the_other() {
    let asked = Asked::new();
    let begun = Instant::now();
    for text in ["bad1", "bad2", "bad3"] {
        assert!(asked.price(text).await.is_ok());
    }
    assert_eq!(begun.elapsed(), 2 * CALL_INTERVAL);
}

#[tokio::test(start_paused = true)]
async fn a_provider_without_an_answer_ends_the_wait() {
    let asked = Asked::new();
    let begun = Instant::now();
    assert_eq!(asked.price("slow").await, Err(NoPrice::NoAnswer));
    assert_eq!(begun.elapsed(), PRICE_TIMEOUT);
    assert_eq!(asked.price("down").await, Err(NoPrice::NoAnswer));
    assert_eq!(asked.price("good").await, Ok(known()), "it is asked again");
    let recording = sms_core::RecordingProvider::new();
    let prices = asked.cache.prices(&recording, &[query("ucs2 — not known")]).await;
    assert_eq!(prices, Err(NoPrice::CannotTell));
}

#[tokio::test(start_paused = true)]
async fn the_number_of_prices_that_are_remembered_is_bounded() {
    let asked = Asked::new();
    for first in (0..3 * MAX_KNOWN).step_by(1000) {
        let of = |n: usize| {
            let to = PhoneNumber::from_digits(79_250_000_000 + n as u64).expect("valid");
            PriceQuery::new(to, "hi")
        };
        let queries: Vec<_> = (first..first + 1000).map(of).collect();
        assert_eq!(
            asked.cache.prices(&asked.provider, &queries).await.map(|all| all.len()),
            Ok(1000)
        );
        assert!(asked.cache.known.lock().unwrap().len() <= MAX_KNOWN);
    }
}
