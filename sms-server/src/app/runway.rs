//! Runway: the time for which the balance and the daily limit of an account last.

use sms_core::{AccountInfo, Money};
use time::{Duration, OffsetDateTime};

/// The part of a day after which its pace means something.
const MIN_ELAPSED: Duration = Duration::minutes(5);
/// The longest runway that is told, in days: beyond it the number means nothing.
const MAX_DAYS: f64 = 9999.0;
const SECONDS_PER_DAY: f64 = 86_400.0;

/// The day so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Today {
    /// Its start, in the time zone of the installation.
    pub(crate) start: OffsetDateTime,
    /// The start of the next day.
    pub(crate) end: OffsetDateTime,
    pub(crate) now: OffsetDateTime,
    /// The cost of messages that became known today; `None` where costs are not counted.
    pub(crate) spent: Option<Money>,
}

/// The time for which an account lasts at the pace of today. `None` where nobody can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Runway {
    /// Days until the balance is used up; 0 if it is.
    pub(crate) balance_days: Option<f64>,
    /// True if the daily limit is used up.
    pub(crate) daily_limit_reached: Option<bool>,
    /// The time at which it will be, if that is today.
    pub(crate) daily_limit_at: Option<OffsetDateTime>,
}

impl Runway {
    /// The runway of an account.
    pub(crate) fn of(account: &AccountInfo, today: &Today) -> Self {
        let limit = account.daily_limit.zip(account.used_today);
        Self {
            balance_days: account.balance.and_then(|balance| balance_days(balance, today)),
            daily_limit_reached: limit.map(|(limit, used)| used >= limit),
            daily_limit_at: limit.and_then(|(limit, used)| limit_at(limit, used, today)),
        }
    }
}

impl Today {
    /// Seconds of the day so far; `None` where they are too few for a pace.
    fn elapsed(&self) -> Option<f64> {
        let elapsed = self.now - self.start;
        (elapsed >= MIN_ELAPSED).then(|| elapsed.as_seconds_f64())
    }
}

/// Days, in tenths.
fn balance_days(balance: Money, today: &Today) -> Option<f64> {
    if balance.micros() <= 0 {
        return Some(0.0);
    }
    let spent = today.spent.filter(|spent| spent.micros() > 0)?;
    let per_day = float(spent.micros().unsigned_abs()) / today.elapsed()? * SECONDS_PER_DAY;
    let days = float(balance.micros().unsigned_abs()) / per_day;
    (days <= MAX_DAYS).then(|| (days * 10.0).round() / 10.0)
}

fn limit_at(limit: u64, used: u64, today: &Today) -> Option<OffsetDateTime> {
    let left = limit.checked_sub(used).filter(|left| *left > 0 && used > 0)?;
    let seconds = float(left) * today.elapsed()? / float(used);
    // The limit begins again with the next day.
    let until_end = (today.end - today.now).as_seconds_f64();
    (seconds < until_end).then(|| today.now + Duration::seconds_f64(seconds))
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
const fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOON: OffsetDateTime = datetime!(2026-11-27 12:00 +3);

    fn today(now: OffsetDateTime, spent: Option<&str>) -> Today {
        let start = datetime!(2026-11-27 00:00 +3);
        let spent = spent.map(|spent| Money::parse(spent).expect("money"));
        Today { start, end: start + Duration::DAY, now, spent }
    }

    fn days(balance: &str, now: OffsetDateTime, spent: Option<&str>) -> Option<f64> {
        let mut account = AccountInfo::default();
        account.balance = Money::parse(balance);
        Runway::of(&account, &today(now, spent)).balance_days
    }

    fn limit(limit: u64, used: u64, now: OffsetDateTime) -> (bool, Option<OffsetDateTime>) {
        let mut account = AccountInfo::default();
        (account.daily_limit, account.used_today) = (Some(limit), Some(used));
        let runway = Runway::of(&account, &today(now, None));
        (runway.daily_limit_reached.expect("known"), runway.daily_limit_at)
    }

    #[test]
    fn the_balance_lasts_as_long_as_the_pace_of_today_says() {
        // 50 in half a day are 100 a day.
        assert_eq!(days("1000.00", NOON, Some("50.00")), Some(10.0));
        assert_eq!(days("1.00", NOON, Some("50.00")), Some(0.0));
        assert_eq!(days("1234.00", NOON, Some("50.00")), Some(12.3));
        assert_eq!(days("50.00", datetime!(2026-11-27 23:59:59 +3), Some("100.00")), Some(0.5));
    }

    #[test]
    fn nothing_is_told_about_a_balance_without_a_pace() {
        assert_eq!(days("1000.00", NOON, None), None, "costs are not counted");
        assert_eq!(days("1000.00", NOON, Some("0.00")), None, "nothing was spent");
        assert_eq!(days("1000.00", NOON, Some("-1.00")), None);
        let morning = datetime!(2026-11-27 00:04 +3);
        assert_eq!(days("1000.00", morning, Some("5.00")), None, "too early to tell");
        let before = datetime!(2026-11-26 23:00 +3);
        assert_eq!(days("1000.00", before, Some("5.00")), None, "the clock was set back");
        assert_eq!(days("9000000000000.00", NOON, Some("0.01")), None, "longer than anybody plans");
        assert_eq!(
            Runway::of(&AccountInfo::default(), &today(NOON, Some("5.00"))),
            Runway::default()
        );
    }

    #[test]
    fn a_balance_that_is_used_up_lasts_no_day() {
        for (balance, spent) in [("0.00", None), ("-3.50", Some("5.00")), ("0.00", Some("0.00"))] {
            assert_eq!(days(balance, NOON, spent), Some(0.0), "{balance}");
        }
    }

    #[test]
    fn the_limit_is_reached_when_the_pace_of_today_says() {
        // 60 in twelve hours: the other 40 take eight hours more.
        assert_eq!(limit(100, 60, NOON), (false, Some(datetime!(2026-11-27 20:00 +3))));
        assert_eq!(limit(100, 100, NOON), (true, None), "used up already");
        assert_eq!(limit(100, 130, NOON), (true, None));
        assert_eq!(limit(0, 0, NOON), (true, None));
    }

    #[test]
    fn no_time_is_told_for_a_limit_that_is_not_reached_today() {
        assert_eq!(limit(100, 0, NOON), (false, None), "nothing was sent");
        assert_eq!(limit(100, 40, NOON), (false, None), "the next day begins first");
        assert_eq!(limit(100, 50, NOON), (false, None), "exactly then");
        assert_eq!(limit(100, 60, datetime!(2026-11-27 00:01 +3)), (false, None), "too early");
        assert_eq!(limit(u64::MAX, 1, NOON), (false, None));
    }
}
