//! Amounts of money.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::{Serialize, Serializer};

/// An amount in the provider's currency (roubles at sms.ru), exact to a millionth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money {
    micros: i64,
}

impl Money {
    /// An amount of this many millionths.
    pub const fn from_micros(micros: i64) -> Self {
        Self { micros }
    }

    /// The amount in millionths.
    pub const fn micros(self) -> i64 {
        self.micros
    }

    /// Reads a decimal number such as `4122.56`; `None` for anything else, or with more than six
    /// decimals.
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !plain(whole) || !plain(fraction) || fraction.len() > 6 {
            return None;
        }
        let fraction: i64 = format!("{fraction:0<6}").parse().ok()?;
        let micros = whole.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(fraction)?;
        Some(Self { micros: sign * micros })
    }
}

/// Shows two decimals, or more if they are needed: `4122.56`, `0.40`, `0.125`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) =
            (self.micros.unsigned_abs() / 1_000_000, self.micros.unsigned_abs() % 1_000_000);
        let fraction = format!("{fraction:06}");
        let (cents, rest) = fraction.split_at(2);
        let sign = if self.micros < 0 { "-" } else { "" };
        write!(f, "{sign}{whole}.{cents}{}", rest.trim_end_matches('0'))
    }
}

/// Serializes as text, so that no reader rounds it.
impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads the text that [`Serialize`] writes.
impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not an amount of money"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written_exactly() {
        for (text, micros, shown) in [
            ("4122.56", 4_122_560_000, "4122.56"),
            ("0.4", 400_000, "0.40"),
            ("-0.125", -125_000, "-0.125"),
            ("10", 10_000_000, "10.00"),
        ] {
            let money = Money::parse(text).unwrap();
            assert_eq!((money.micros(), money.to_string().as_str()), (micros, shown));
            let json = serde_json::to_string(&money).unwrap();
            assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), money);
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", ".", "1.", ".5", "1e3", "1,5", "--1", "0.0000001", "9223372036854775807"] {
            assert_eq!(Money::parse(text), None, "{text}");
        }
    }
}
