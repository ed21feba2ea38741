//! Times in replies: RFC 3339 in UTC, always with three digits after the second, so that times
//! sort as text in the order of time.

use std::num::NonZeroU8;

use serde::{Serialize, Serializer};
use time::format_description::well_known::Iso8601;
use time::format_description::well_known::iso8601::{Config, EncodedConfig, TimePrecision};
use time::{OffsetDateTime, UtcOffset};

const MILLISECONDS: EncodedConfig = Config::DEFAULT
    .set_year_is_six_digits(false)
    .set_time_precision(TimePrecision::Second { decimal_digits: NonZeroU8::new(3) })
    .encode();

/// Bytes of the text of a time.
const BYTES: usize = 24;

/// The text of a time, without an allocation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    bytes: [u8; BYTES],
    len: usize,
}

impl Written {
    pub(crate) fn new(at: OffsetDateTime) -> Self {
        let mut bytes = [0; BYTES];
        let at = at.to_offset(UtcOffset::UTC);
        // Fails for years that have more than four digits only.
        let len = at.format_into(&mut bytes.as_mut_slice(), &Iso8601::<MILLISECONDS>);
        Self { bytes, len: len.unwrap_or_default() }
    }

    pub(crate) fn as_str(&self) -> &str {
        self.bytes.get(..self.len).and_then(|it| str::from_utf8(it).ok()).unwrap_or_default()
    }
}

/// The text of a time: `2026-11-27T04:29:49.070Z`.
pub(crate) fn written(at: OffsetDateTime) -> String {
    Written::new(at).as_str().to_owned()
}

/// Serializes a field, by `#[serde(with)]`.
pub(crate) fn serialize<S: Serializer>(at: &OffsetDateTime, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(Written::new(*at).as_str())
}

/// The same for a time that may be missing.
pub(crate) mod option {
    use serde::{Serialize, Serializer};
    use time::OffsetDateTime;

    /// Serializes a field, by `#[serde(with)]`.
    #[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
    pub(crate) fn serialize<S: Serializer>(
        at: &Option<OffsetDateTime>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        at.map(super::Written::new).serialize(to)
    }
}

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use sms_core::clock::datetime_from_ms;
    use time::format_description::well_known::Rfc3339;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn times_sort_as_text_and_are_read_back() {
        let times = [0, 70, 71, 1_000, 1_001, 10_000, 1_795_753_789_070].map(datetime_from_ms);
        let texts = times.map(written);
        assert!(texts.is_sorted(), "{texts:?}");
        for (at, text) in times.into_iter().zip(&texts) {
            assert_eq!(OffsetDateTime::parse(text, &Rfc3339), Ok(at), "{text}");
        }
    }

    #[test]
    fn a_time_is_in_utc_with_milliseconds() {
        assert_eq!(written(datetime!(2026-11-27 07:29:49 +3)), "2026-11-27T04:29:49.000Z");
        assert_eq!(written(datetime!(2026-11-27 04:29:49.0709 UTC)), "2026-11-27T04:29:49.070Z");
    }
}
