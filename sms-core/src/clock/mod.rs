//! Clocks: those of a machine, which a test can replace and move, and the clock of a store, which
//! is derived from them and never goes back.

pub(crate) mod millis;
mod store_clock;
mod uptime;
mod wall;

pub use self::millis::{UnixMs, datetime_from_ms, datetime_to_ms, duration_to_ms};
pub use self::store_clock::{KeptTime, StoreClock, StoreTime};
pub use self::uptime::Uptime;
pub use self::wall::{Clock, ManualClock, SystemClock};
