//! A provider of one's own, held to the contract by the conformance suite.
//!
//! `cargo test -p examples --example custom_provider`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use sms_core::{Limits, MessageId, Outcome, PhoneNumber, Provider, Submission, async_trait};

/// Writes messages to standard output, and refuses numbers outside of Russia.
#[derive(Debug)]
struct Console;

#[async_trait]
impl Provider for Console {
    fn name(&self) -> &'static str {
        "console"
    }

    fn limits(&self) -> Limits {
        // Up to 10 messages a call, which takes a second at the most.
        Limits::new(10, Duration::from_secs(1))
    }

    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        let send = |message: &Submission| {
            if !message.to.to_string().starts_with("+7") {
                return Outcome::rejected(1, "not a Russian number");
            }
            println!("to {}: {}", message.to, message.text);
            Outcome::accepted(format!("console-{}", message.id))
        };
        batch.iter().map(send).collect()
    }
}

#[tokio::main]
async fn main() -> sms_core::Result<()> {
    for number in ["+79251234567", "+442079460958"] {
        let message = Submission::new(MessageId::new(), PhoneNumber::parse(number)?, "Hello");
        println!("{:?}", Console.submit(&[message]).await);
    }
    Ok(())
}

#[cfg(test)]
sms_testkit::provider!(sms_testkit::ProviderHarness::new(Console));
