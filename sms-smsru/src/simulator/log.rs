//! The log of accepted messages and received requests, for assertions in tests.

use serde::Serialize;
use sms_core::Money;

/// An accepted message: one recipient of one request. It is logged even if a fault withholds the
/// reply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Accepted {
    /// The id: `202626-1000000`.
    pub sms_id: String,
    /// The number, as E.164 digits: `79255070602`.
    pub to: String,
    /// The text of the request, before transliteration.
    pub text: String,
    /// The sender name of the request.
    pub from: Option<String>,
    /// The number of parts.
    pub parts: usize,
    /// The price; 0 for a test.
    pub cost: Money,
    /// The time of acceptance by the clock of the simulator, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The time of sending, in milliseconds since the Unix epoch. Later than `at_ms` for a `time`
    /// ahead, and for `daytime` at night.
    pub send_at_ms: i64,
    /// The message is a test (`test=1`): it is not sent and costs nothing.
    pub test: bool,
    /// The parameter `ip`, the IP address of the end user.
    pub ip: Option<String>,
    /// The parameter `ttl`, in minutes.
    pub ttl: Option<u32>,
    /// The parameter `time`, in seconds since the Unix epoch.
    pub time: Option<i64>,
    /// The parameter `daytime`.
    pub daytime: bool,
    /// The parameter `translit`.
    pub translit: bool,
    /// The parameter `partner_id`.
    pub partner_id: Option<String>,
    /// The current state: 100 to 108, or 150.
    pub status: i32,
}

/// A received request, successful or not. Requests of the control API are not included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Call {
    /// The path of the method: `sms/send`.
    pub method: String,
    /// `GET` or `POST`.
    pub http_method: String,
    /// The number of recipients.
    pub recipients: usize,
    /// The request asks for JSON.
    pub json: bool,
    /// The time of the request by the clock of the simulator, in milliseconds since the Unix epoch.
    pub at_ms: i64,
}
