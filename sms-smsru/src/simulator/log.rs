//! What the simulator remembers for tests to compare.

use serde::Serialize;
use sms_core::Money;

/// A message the simulator accepted: one recipient of one request. It is logged even where the
/// reply was withheld.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Accepted {
    /// The id it got: `202626-1000000`.
    pub sms_id: String,
    /// The number, as E.164 digits: `79255070602`.
    pub to: String,
    /// The text as it was sent to the simulator, before any transliteration.
    pub text: String,
    /// The sender name that was asked for.
    pub from: Option<String>,
    /// How many parts it takes.
    pub parts: usize,
    /// What it cost; 0 for a test.
    pub cost: Money,
    /// When it was accepted, in milliseconds since the Unix epoch, by the simulator's clock.
    pub at_ms: i64,
    /// When it leaves: later than `at_ms` for a `time` ahead or a `daytime` by night.
    pub send_at_ms: i64,
    /// Whether it was a test (`test=1`), which is not sent and costs nothing.
    pub test: bool,
    /// The `ip` of the end user.
    pub ip: Option<String>,
    /// The `ttl`, in minutes.
    pub ttl: Option<u32>,
    /// The `time`, in seconds since the Unix epoch.
    pub time: Option<i64>,
    /// Whether `daytime` was asked for.
    pub daytime: bool,
    /// Whether `translit` was asked for.
    pub translit: bool,
    /// The `partner_id`.
    pub partner_id: Option<String>,
    /// The state it is in now: 100 to 108, or 150.
    pub status: i32,
}

/// A request the simulator received, whatever came of it. Those of the control API are not among
/// them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Call {
    /// The path of the method: `sms/send`.
    pub method: String,
    /// `GET` or `POST`.
    pub http_method: String,
    /// How many recipients it named.
    pub recipients: usize,
    /// Whether it asked for JSON.
    pub json: bool,
    /// When it came, in milliseconds since the Unix epoch, by the simulator's clock.
    pub at_ms: i64,
}
