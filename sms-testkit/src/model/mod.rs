//! Random scenarios, run on the store under test and on [`MemoryStore`](sms_core::MemoryStore) as
//! the model.
//!
//! After every step both have given the same answer, and every message is in the same state in
//! both: status, attempts, resends, fence, code, and the events in its log.
//!
//! `SMS_TEST_CASES` is the number of scenarios (256 by default), `SMS_TEST_SEED` the seed of the
//! first (0 by default). A scenario with a difference is repeated, shortened, and shown with its
//! seed.

mod caller;
mod pair;
mod step;

use std::env;
use std::fmt::Write;

use tokio::time::timeout;

use self::pair::Pair;
use self::step::{Scenario, Step};
use crate::harness::StoreHarness;
use crate::runtime::LIMIT;

const CASES: u64 = 256;
const STEPS: usize = 50;

fn number(variable: &str, default: u64) -> u64 {
    match env::var(variable) {
        Ok(value) => value.parse().unwrap_or_else(|_| panic!("{variable} must be a number")),
        Err(_) => default,
    }
}

/// Runs random scenarios, each on a new store from `fresh`.
///
/// # Panics
///
/// Panics if an answer or a message differs from the model.
pub async fn every_step_matches_the_model(fresh: impl AsyncFn() -> StoreHarness) {
    let first = number("SMS_TEST_SEED", 0);
    for seed in first..first + number("SMS_TEST_CASES", CASES) {
        let scenario = Scenario::new(seed, STEPS);
        if run(&scenario, &fresh).await.is_err() {
            let short = shorten(scenario, &fresh).await;
            let difference = run(&short, &fresh).await.err().unwrap_or_default();
            panic!("{}", describe(seed, &short, &difference));
        }
    }
}

/// Takes every step on both stores. A difference is the error.
async fn run(scenario: &Scenario, fresh: &impl AsyncFn() -> StoreHarness) -> Result<(), String> {
    let steps = async {
        let mut pair = Pair::new(fresh().await, scenario).await;
        for step in &scenario.steps {
            pair.take(*step).await.map_err(|difference| format!("at {step:?}: {difference}"))?;
        }
        Ok(())
    };
    timeout(LIMIT, steps).await.unwrap_or_else(|_| Err("a call hangs".to_owned()))
}

/// Removes every step that is not needed for the difference.
async fn shorten(mut scenario: Scenario, fresh: &impl AsyncFn() -> StoreHarness) -> Scenario {
    let mut index = scenario.steps.len();
    while index > 0 {
        index -= 1;
        let removed: Step = scenario.steps.remove(index);
        if run(&scenario, fresh).await.is_ok() {
            scenario.steps.insert(index, removed);
        }
    }
    scenario
}

fn describe(seed: u64, scenario: &Scenario, difference: &str) -> String {
    let mut text =
        format!("the store differs from the model (SMS_TEST_SEED={seed} SMS_TEST_CASES=1)\n");
    for (number, message) in scenario.messages.iter().enumerate() {
        let _ = writeln!(text, "  message {number}: {message:?}");
    }
    for step in &scenario.steps {
        let _ = writeln!(text, "  {step:?}");
    }
    text + difference
}
