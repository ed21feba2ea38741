//! What account the simulator plays, and how.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sms_core::{Clock, Money, SystemClock};

use crate::simulator::delivery::Delivery;
use crate::simulator::model::limits::NumberLimits;

/// The API id of an account that was given none.
const DEFAULT_API_ID: &str = "51B0A7E0-0000-4000-8000-000000000001";

/// Where a refusal for money, a limit or a text stands in the reply to `sms/send`: sources differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalLevel {
    /// The whole request is refused, at the top of the reply.
    Request,
    /// Recipient by recipient, so that a part of the request may pass.
    Recipient,
}

/// The configuration of a [`Simulator`](super::Simulator). Every field has a default.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, each a setting of its own"
)]
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
    /// The address to serve at; it must be a loopback one. Defaults to `127.0.0.1:0`, a free port.
    pub fn listen(mut self, listen: SocketAddr) -> Self {
        self.listen = listen;
        self
    }

    /// The API id of the account. Defaults to a made-up UUID.
    pub fn api_id(mut self, api_id: impl Into<String>) -> Self {
        self.api_id = api_id.into();
        self
    }

    /// The login (the account's own phone, in digits) and password that are accepted beside the API
    /// id. Defaults to none.
    pub fn login(mut self, login: impl Into<String>, password: impl Into<String>) -> Self {
        self.login = Some((login.into(), password.into()));
        self
    }

    /// Whether the account is confirmed; one that is not gets 302 for everything. Defaults to
    /// `true`.
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

    /// How many messages a day the account may send, else 206. Defaults to `None`, any number.
    pub fn daily_limit(mut self, limit: Option<u32>) -> Self {
        self.daily_limit = limit;
        self
    }

    /// How many messages a day to the account's own phone (its login) cost nothing. Defaults to 5.
    pub fn free_per_day(mut self, free: u32) -> Self {
        self.free_per_day = free;
        self
    }

    /// The approved sender names; `from` with another gets 204. Defaults to none.
    pub fn senders(mut self, senders: Vec<String>) -> Self {
        self.senders = senders;
        self
    }

    /// Whether an account without sender names gets 221 for every recipient. Defaults to `false`.
    pub fn sender_required(mut self, required: bool) -> Self {
        self.sender_required = required;
        self
    }

    /// Whether foreign numbers get 214. Defaults to `false`.
    pub fn russia_only(mut self, only: bool) -> Self {
        self.russia_only = only;
        self
    }

    /// Where 201 stands. Defaults to [`RefusalLevel::Recipient`]; an account with no money at all
    /// is refused at the top of the reply either way.
    pub fn money_level(mut self, level: RefusalLevel) -> Self {
        self.money_level = level;
        self
    }

    /// Where 206 stands. Defaults to [`RefusalLevel::Recipient`]; a limit already used up refuses
    /// at the top of the reply either way.
    pub fn limit_level(mut self, level: RefusalLevel) -> Self {
        self.limit_level = level;
        self
    }

    /// Where 203 and 205 stand. Defaults to [`RefusalLevel::Recipient`]; a request with no text for
    /// anybody is refused at the top of the reply either way.
    pub fn text_level(mut self, level: RefusalLevel) -> Self {
        self.text_level = level;
        self
    }

    /// How much one number may get: 230, 231 and 232. Defaults to no limits.
    pub fn number_limits(mut self, limits: NumberLimits) -> Self {
        self.number_limits = limits;
        self
    }

    /// How many recipients a request may have, else 213. Defaults to 5000; sms.ru documents 100 and
    /// names 5000 in its list of codes.
    pub fn max_recipients(mut self, max: usize) -> Self {
        self.max_recipients = max;
        self
    }

    /// How many recipients a GET may have, else 210. Defaults to `None`, any number: sms.ru advises
    /// POST above ten, and does not say where it insists.
    pub fn max_get_recipients(mut self, max: Option<usize>) -> Self {
        self.max_get_recipients = max;
        self
    }

    /// Whether replies have the oddities of recorded ones (a number as a string, `null` for none,
    /// keys absent) or follow the documentation. Defaults to `true`.
    pub fn quirks(mut self, quirks: bool) -> Self {
        self.quirks = quirks;
        self
    }

    /// The hours east of Greenwich in which days end and nights fall. Defaults to 3, Moscow; out of
    /// range it is 0.
    pub fn utc_offset_hours(mut self, hours: i8) -> Self {
        self.utc_offset_hours = hours;
        self
    }

    /// What becomes of messages. Defaults to [`Delivery::Delivered`].
    pub fn delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// How long a message stays in each of the states 100, 101 and 102. Defaults to 100 ms each.
    pub fn delays(mut self, delays: [Duration; 3]) -> Self {
        self.delays = delays;
        self
    }

    /// The number of the first record of a callback: documentation says 1, a recorded one had 0.
    /// Defaults to 1.
    pub fn callback_index_base(mut self, base: u32) -> Self {
        self.callback_index_base = base;
        self
    }

    /// The wait before a callback that was not answered `100` is repeated. Defaults to 60 s.
    pub fn callback_retry(mut self, retry: Duration) -> Self {
        self.callback_retry = retry;
        self
    }

    /// The longest a callback may take. Defaults to 10 s.
    pub fn callback_timeout(mut self, timeout: Duration) -> Self {
        self.callback_timeout = timeout;
        self
    }

    /// Whether 101 and 102 are called back too. Defaults to `false`: final states only.
    pub fn callback_intermediate(mut self, intermediate: bool) -> Self {
        self.callback_intermediate = intermediate;
        self
    }

    /// The time between `test` records, or `None` for none but the first. Defaults to 60 s.
    pub fn callback_heartbeat(mut self, heartbeat: Option<Duration>) -> Self {
        self.callback_heartbeat = heartbeat;
        self
    }

    /// How long a silent fault stays silent before it closes the connection. Defaults to 10 min.
    pub fn silence(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// The clock that [`Simulator::advance`](super::Simulator::advance) adds to. Defaults to the
    /// machine's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Of the chances and orders that are left to luck. Defaults to 1.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }
}
