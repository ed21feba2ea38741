//! Random lives of messages, led on the store under test and on
//! [`MemoryStore`](sms_core::MemoryStore) side by side.
//!
//! After every step both have given the same answer, and every message stands the same in both:
//! status, attempts, resends, fence, code, and what its log says.
//!
//! `SMS_TEST_CASES` sets how many lives there are (256), `SMS_TEST_SEED` the seed of the first (0):
//! a life that differs is led again, shortened, and shown with its seed.

mod caller;
mod pair;
mod step;

use std::env;
use std::fmt::Write;

use tokio::time::timeout;

use crate::StoreHarness;
use crate::runtime::LIMIT;
use pair::Pair;
use step::{Life, Step};

const CASES: u64 = 256;
const STEPS: usize = 50;

fn number(variable: &str, default: u64) -> u64 {
    match env::var(variable) {
        Ok(value) => value.parse().unwrap_or_else(|_| panic!("{variable} must be a number")),
        Err(_) => default,
    }
}

/// Leads random lives, each on a fresh store that `fresh` makes.
///
/// # Panics
///
/// When an answer or a message differs from the model's.
pub async fn every_step_is_that_of_the_model(fresh: impl AsyncFn() -> StoreHarness) {
    let first = number("SMS_TEST_SEED", 0);
    for seed in first..first + number("SMS_TEST_CASES", CASES) {
        let life = Life::new(seed, STEPS);
        if lead(&life, &fresh).await.is_err() {
            let short = shorten(life, &fresh).await;
            let difference = lead(&short, &fresh).await.err().unwrap_or_default();
            panic!("{}", describe(seed, &short, &difference));
        }
    }
}

/// Takes every step on both stores; what differs is the error.
async fn lead(life: &Life, fresh: &impl AsyncFn() -> StoreHarness) -> Result<(), String> {
    let steps = async {
        let mut pair = Pair::new(fresh().await, life).await;
        for step in &life.steps {
            pair.take(*step).await.map_err(|difference| format!("at {step:?}: {difference}"))?;
        }
        Ok(())
    };
    timeout(LIMIT, steps).await.unwrap_or_else(|_| Err("a call hangs".to_owned()))
}

/// Leaves out every step without which the stores differ still.
async fn shorten(mut life: Life, fresh: &impl AsyncFn() -> StoreHarness) -> Life {
    let mut index = life.steps.len();
    while index > 0 {
        index -= 1;
        let left_out: Step = life.steps.remove(index);
        if lead(&life, fresh).await.is_ok() {
            life.steps.insert(index, left_out);
        }
    }
    life
}

fn describe(seed: u64, life: &Life, difference: &str) -> String {
    let mut text =
        format!("the store differs from the model (SMS_TEST_SEED={seed} SMS_TEST_CASES=1)\n");
    for (number, message) in life.messages.iter().enumerate() {
        let _ = writeln!(text, "  message {number}: {message:?}");
    }
    for step in &life.steps {
        let _ = writeln!(text, "  {step:?}");
    }
    text + difference
}
