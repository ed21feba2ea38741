//! The configuration of the simulator.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sms_core::{Clock, Money, SystemClock};

use crate::simulator::delivery::Delivery;
use crate::simulator::model::limits::NumberLimits;

/// The default API id of the account.
const DEFAULT_API_ID: &str = "51B0A7E0-0000-4000-8000-000000000001";

/// The place of a refusal because of money, a limit or a text in the reply of `sms/send`. Sources
/// differ about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalLevel {
    /// The top of the reply: the whole request is refused.
    Request,
    /// The entry of a recipient: other recipients of the request can be accepted.
    Recipient,
}

/// The configuration of a [`Simulator`](crate::simulator::Simulator). Every setting has a default.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent settings")]
pub struct SimulatorConfig {
    pub(crate) listen: SocketAddr,
    pub(crate) api_id: String,
    pub(crate) login: Option<(String, String)>,
    pub(crate) confirmed: bool,
    pub(crate) balance: Money,
    pub(crate) price: Money,
    pub(crate) call_price: Money,
    pub(crate) daily_limit: Option<u32>,
    pub(crate) free_per_day: u32,
    pub(crate) senders: Vec<String>,
    pub(crate) sender_required: bool,
    pub(crate) russia_only: bool,
    pub(crate) money_level: RefusalLevel,
    pub(crate) limit_level: RefusalLevel,
    pub(crate) text_level: RefusalLevel,
    pub(crate) number_limits: NumberLimits,
    pub(crate) max_recipients: usize,
    pub(crate) max_get_recipients: Option<usize>,
    pub(crate) quirks: bool,
    pub(crate) utc_offset_hours: i8,
    pub(crate) delivery: Delivery,
    pub(crate) delays: [Duration; 3],
    pub(crate) callback_index_base: u32,
    pub(crate) callback_retry: Duration,
    pub(crate) callback_timeout: Duration,
    pub(crate) callback_intermediate: bool,
    pub(crate) callback_heartbeat: Option<Duration>,
    pub(crate) silence: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) seed: u64,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            api_id: DEFAULT_API_ID.to_owned(),
            login: None,
            confirmed: true,
            balance: Money::from_micros(1_000_000_000),
            price: Money::from_micros(500_000),
            call_price: Money::from_micros(400_000),
            daily_limit: None,
            free_per_day: 5,
            senders: Vec::new(),
            sender_required: false,
            russia_only: false,
            money_level: RefusalLevel::Recipient,
            limit_level: RefusalLevel::Recipient,
            text_level: RefusalLevel::Recipient,
            number_limits: NumberLimits::default(),
            max_recipients: 5000,
            max_get_recipients: None,
            quirks: true,
            utc_offset_hours: 3,
            delivery: Delivery::Delivered,
            delays: [Duration::from_millis(100); 3],
            callback_index_base: 1,
            callback_retry: Duration::from_mins(1),
            callback_timeout: Duration::from_secs(10),
            callback_intermediate: false,
            callback_heartbeat: Some(Duration::from_mins(1)),
            silence: Duration::from_mins(10),
            clock: Arc::new(SystemClock),
            seed: 1,
        }
    }
}

impl SimulatorConfig {
    /// The address to listen on, which must be on loopback. Defaults to `127.0.0.1:0`, a free port.
    pub fn listen(mut self, listen: SocketAddr) -> Self {
        self.listen = listen;
        self
    }

    /// The API id of the account. Defaults to a fixed UUID.
    pub fn api_id(mut self, api_id: impl Into<String>) -> Self {
        self.api_id = api_id.into();
        self
    }

    /// A login (the phone number of the account, in digits) and a password, accepted in addition to
    /// the API id. Defaults to none.
    pub fn login(mut self, login: impl Into<String>, password: impl Into<String>) -> Self {
        self.login = Some((login.into(), password.into()));
        self
    }

    /// Confirmation of the account. Every request to an unconfirmed account is refused with 302.
    /// Defaults to `true`.
    pub fn confirmed(mut self, confirmed: bool) -> Self {
        self.confirmed = confirmed;
        self
    }

    /// The money on the account. Defaults to 1000.
    pub fn balance(mut self, balance: Money) -> Self {
        self.balance = balance;
        self
    }

    /// The price of one part of a message. Defaults to 0.50.
    pub fn price(mut self, price: Money) -> Self {
        self.price = price;
        self
    }

    /// The price of a `code/call`. Defaults to 0.40.
    pub fn call_price(mut self, price: Money) -> Self {
        self.call_price = price;
        self
    }

    /// The maximum of messages per day; more are refused with 206. Defaults to `None`, no limit.
    pub fn daily_limit(mut self, limit: Option<u32>) -> Self {
        self.daily_limit = limit;
        self
    }

    /// The number of free messages per day to the phone number of the account (its login). Defaults
    /// to 5.
    pub fn free_per_day(mut self, free: u32) -> Self {
        self.free_per_day = free;
        self
    }

    /// The approved sender names. Any other name in `from` is refused with 204. Defaults to none.
    pub fn senders(mut self, senders: Vec<String>) -> Self {
        self.senders = senders;
        self
    }

    /// Refusal of every recipient with 221 while the account has no sender name. Defaults to
    /// `false`.
    pub fn sender_required(mut self, required: bool) -> Self {
        self.sender_required = required;
        self
    }

    /// Refusal of foreign numbers with 214. Defaults to `false`.
    pub fn russia_only(mut self, only: bool) -> Self {
        self.russia_only = only;
        self
    }

    /// The level of 201. Defaults to [`RefusalLevel::Recipient`]. An account without any money is
    /// always refused at the top of the reply.
    pub fn money_level(mut self, level: RefusalLevel) -> Self {
        self.money_level = level;
        self
    }

    /// The level of 206. Defaults to [`RefusalLevel::Recipient`]. A limit that is used up is always
    /// refused at the top of the reply.
    pub fn limit_level(mut self, level: RefusalLevel) -> Self {
        self.limit_level = level;
        self
    }

    /// The level of 203 and 205. Defaults to [`RefusalLevel::Recipient`]. A request without any
    /// text is always refused at the top of the reply.
    pub fn text_level(mut self, level: RefusalLevel) -> Self {
        self.text_level = level;
        self
    }

    /// The limits per number: 230, 231 and 232. Defaults to no limits.
    pub fn number_limits(mut self, limits: NumberLimits) -> Self {
        self.number_limits = limits;
        self
    }

    /// The maximum of recipients per request; more are refused with 213. Defaults to 5000. sms.ru
    /// documents 100 for the method and 5000 in its list of codes.
    pub fn max_recipients(mut self, max: usize) -> Self {
        self.max_recipients = max;
        self
    }

    /// The maximum of recipients per GET request; more are refused with 210. Defaults to `None`, no
    /// limit: sms.ru recommends POST for more than ten, and does not document a limit.
    pub fn max_get_recipients(mut self, max: Option<usize>) -> Self {
        self.max_get_recipients = max;
        self
    }

    /// The oddities of recorded replies: numbers as strings, `null` for zero, absent keys. Without
    /// them replies follow the documentation. Defaults to `true`.
    pub fn quirks(mut self, quirks: bool) -> Self {
        self.quirks = quirks;
        self
    }

    /// The offset of the time zone from UTC in hours, for the ends of days and for night hours. An
    /// offset out of range counts as 0. Defaults to 3, Moscow.
    pub fn utc_offset_hours(mut self, hours: i8) -> Self {
        self.utc_offset_hours = hours;
        self
    }

    /// The delivery of messages. Defaults to [`Delivery::Delivered`].
    pub fn delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// The durations of the states 100, 101 and 102. Default to 100 ms each.
    pub fn delays(mut self, delays: [Duration; 3]) -> Self {
        self.delays = delays;
        self
    }

    /// The number of the first record of a callback: 1 in the documentation, 0 in a recorded
    /// callback. Defaults to 1.
    pub fn callback_index_base(mut self, base: u32) -> Self {
        self.callback_index_base = base;
        self
    }

    /// The delay before a callback is repeated after a reply other than `100`. Defaults to 60 s.
    pub fn callback_retry(mut self, retry: Duration) -> Self {
        self.callback_retry = retry;
        self
    }

    /// The timeout of a callback. Defaults to 10 s.
    pub fn callback_timeout(mut self, timeout: Duration) -> Self {
        self.callback_timeout = timeout;
        self
    }

    /// Callbacks for the states 101 and 102 in addition to final states. Defaults to `false`.
    pub fn callback_intermediate(mut self, intermediate: bool) -> Self {
        self.callback_intermediate = intermediate;
        self
    }

    /// The interval of `test` records; `None` for only the first one. Defaults to 60 s.
    pub fn callback_heartbeat(mut self, heartbeat: Option<Duration>) -> Self {
        self.callback_heartbeat = heartbeat;
        self
    }

    /// The time after which a silent fault closes the connection. Defaults to 10 min.
    pub fn silence(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// The base clock, which [`Simulator::advance`](crate::simulator::Simulator::advance) adds to.
    /// Defaults to the system clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The seed of random choices. Defaults to 1.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }
}
