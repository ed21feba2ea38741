//! `send` and `status`: for people, at a running server.

use std::io::Read as _;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::{Value, json};
use sms_core::{MessageId, Status};
use tokio::time::{Instant, sleep};

use super::client::Client;
use crate::output::print;

/// The time between two looks at a message.
const INTERVAL: Duration = Duration::from_millis(500);
/// The longest that a command waits for the end of a message.
const MAX_WAIT: Duration = Duration::from_mins(10);

/// Arguments of `send`.
#[derive(Debug, Args)]
pub struct SendCommand {
    /// The recipient's phone number
    to: String,
    /// The text; read from standard input where it is left out
    text: Option<String>,
    /// The sender name [default: the provider's own]
    #[arg(long)]
    from: Option<String>,
    /// The purpose of the message: otp, service, marketing [default: service]
    #[arg(long)]
    class: Option<String>,
    /// Your own reference; lists can be filtered by it
    #[arg(long)]
    reference: Option<String>,
    /// The time to send it: 2026-12-31T09:30:00+03:00 [default: now]
    #[arg(long, value_name = "TIME")]
    send_at: Option<String>,
    /// A name for this message: a second one with the same name and content is not sent
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Wait for the end of the message, and print each status
    #[arg(long)]
    wait: bool,
}

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusCommand {
    /// The id of the message
    id: String,
    /// Wait for the end of the message, and print each status
    #[arg(long)]
    wait: bool,
}

/// Sends a message and prints its id.
///
/// # Errors
///
/// Errors of the server; with `--wait`, a message that was not delivered.
pub(crate) async fn send(command: SendCommand) -> anyhow::Result<()> {
    let client = Client::from_environment()?;
    let text = match command.text {
        Some(text) => text,
        None => text_from_input()?,
    };
    let mut body = json!({"to": command.to, "text": text});
    let optional = [
        ("from", command.from),
        ("class", command.class),
        ("reference", command.reference),
        ("send_at", command.send_at),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            body[name] = value.into();
        }
    }
    let key = command.idempotency_key.unwrap_or_else(|| MessageId::new().to_string());
    let accepted = client.post("/v1/messages", &key, &body).await?;
    let id = accepted["id"].as_str().context("the reply has no id")?;
    print(id)?;
    if command.wait { follow(&client, id).await } else { Ok(()) }
}

/// Prints the status of a message.
///
/// # Errors
///
/// Errors of the server; with `--wait`, a message that was not delivered.
pub(crate) async fn status(command: StatusCommand) -> anyhow::Result<()> {
    let client = Client::from_environment()?;
    let id: MessageId = command.id.parse().context("ID")?;
    if command.wait {
        return follow(&client, &id.to_string()).await;
    }
    print(&describe(&show(&client, &id.to_string()).await?))
}

async fn show(client: &Client, id: &str) -> anyhow::Result<Value> {
    client.get(&format!("/v1/messages/{id}")).await
}

/// Prints each status of a message until its end.
async fn follow(client: &Client, id: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + MAX_WAIT;
    let mut shown = String::new();
    loop {
        let message = show(client, id).await?;
        let now = describe(&message);
        if now != shown {
            print(&now)?;
            shown = now;
        }
        match message["status"].as_str().and_then(Status::from_name) {
            Some(Status::Delivered) => return Ok(()),
            Some(Status::Undelivered | Status::Failed | Status::Expired | Status::Cancelled) => {
                bail!("the message was not delivered")
            }
            _ if Instant::now() >= deadline => bail!("the message has no end after 10 minutes"),
            _ => sleep(INTERVAL).await,
        }
    }
}

/// A status in a line: with the code of the provider and its meaning, or the reason.
fn describe(message: &Value) -> String {
    let status = message["status"].as_str().unwrap_or_default();
    let why = message["meaning"]["en"].as_str().or_else(|| message["reason"].as_str());
    match (why, message["code"].as_i64()) {
        (Some(why), Some(code)) => format!("{status}: {why} ({code})"),
        (Some(why), None) => format!("{status}: {why}"),
        (None, Some(code)) => format!("{status} ({code})"),
        (None, None) => status.to_owned(),
    }
}

fn text_from_input() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("the text on standard input")?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_told_with_its_reason() {
        for (message, line) in [
            (json!({"status": "queued"}), "queued"),
            (
                json!({"status": "queued", "code": 201, "meaning": {"en": "no money"}}),
                "queued: no money (201)",
            ),
            (
                json!({"status": "failed", "code": 207, "reason": "no route"}),
                "failed: no route (207)",
            ),
            (
                json!({"status": "expired", "reason": "the deadline passed"}),
                "expired: the deadline passed",
            ),
        ] {
            assert_eq!(describe(&message), line);
        }
    }
}
