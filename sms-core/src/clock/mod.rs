//! Time: the clocks of a machine, as something a test can move, and the clock of a store, which is
//! made of them and never goes back.

mod millis;
mod store_clock;
mod uptime;
mod wall;

pub use self::millis::{datetime_from_ms, datetime_to_ms, duration_to_ms};
pub use self::store_clock::{KeptTime, StoreClock, StoreTime};
pub use self::uptime::Uptime;
pub use self::wall::{Clock, ManualClock, SystemClock};
