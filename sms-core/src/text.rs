//! How a text goes on the air: its encoding, and the parts it takes.
//!
//! A message carries 140 octets (3GPP TS 23.040 §9.2.3.24): 160 septets, or 70 UTF-16 code units. A longer text
//! is cut into parts, each with a header of 6 octets (§9.2.3.24.1), which leaves 153 septets or 67 units.
//! Neither an escape pair nor a surrogate pair is ever cut in two, so a part may have to stay short of that.

use serde::{Deserialize, Serialize};

use crate::gsm7;

/// How a text is encoded on the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// The 7-bit alphabet of GSM: Latin letters, digits, a few accents and Greek capitals. Counted in septets.
    Gsm7,
    /// UTF-16, for every text with a character GSM lacks: all Cyrillic, all emoji. Counted in code units.
    Ucs2,
}

impl Encoding {
    /// The name used in JSON, in stores and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gsm7 => "gsm7",
            Self::Ucs2 => "ucs2",
        }
    }

    /// The encoding of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Gsm7, Self::Ucs2]
            .into_iter()
            .find(|encoding| encoding.as_str() == name)
    }

    /// How many units a text of one part may have.
    const fn alone(self) -> usize {
        match self {
            Self::Gsm7 => 160,
            Self::Ucs2 => 70,
        }
    }

    /// How many units each of several parts may have.
    const fn joined(self) -> usize {
        match self {
            Self::Gsm7 => 153,
            Self::Ucs2 => 67,
        }
    }

    /// How many units `c` takes.
    fn units(self, c: char) -> usize {
        match self {
            // A text that is Gsm7 holds nothing the alphabet lacks.
            Self::Gsm7 => gsm7::septets(c).unwrap_or(1),
            Self::Ucs2 => c.len_utf16(),
        }
    }
}

/// What a text takes on the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextCount {
    /// Its encoding.
    pub encoding: Encoding,
    /// Its length in septets or UTF-16 code units.
    pub units: usize,
    /// How many parts it takes; 0 for an empty text.
    pub parts: usize,
    last_part: usize,
}

impl TextCount {
    /// How many units still fit in the last part. An empty text has a whole part to fill.
    pub const fn left_in_part(&self) -> usize {
        limit(self.encoding, self.units) - self.last_part
    }
}

/// Counts a text without allocating.
///
/// ```
/// use sms_core::text::{self, Encoding};
///
/// let counted = text::count("Ваш код: 1234");
/// assert_eq!((counted.encoding, counted.units, counted.parts), (Encoding::Ucs2, 13, 1));
/// assert_eq!(counted.left_in_part(), 57);
/// ```
pub fn count(text: &str) -> TextCount {
    let (encoding, units) = measure(text);
    let empty = TextCount {
        encoding,
        units,
        parts: 0,
        last_part: 0,
    };
    parts(text, encoding, units).fold(empty, |counted, (_, last_part)| TextCount {
        parts: counted.parts + 1,
        last_part,
        ..counted
    })
}

/// Cuts a text into the parts that go on the air; as many as [`count`] says.
pub fn split(text: &str) -> Vec<&str> {
    let (encoding, units) = measure(text);
    parts(text, encoding, units).map(|(part, _)| part).collect()
}

fn measure(text: &str) -> (Encoding, usize) {
    match text
        .chars()
        .try_fold(0, |units, c| Some(units + gsm7::septets(c)?))
    {
        Some(units) => (Encoding::Gsm7, units),
        None => (Encoding::Ucs2, text.encode_utf16().count()),
    }
}

/// How many units one part of a text of `units` may have.
const fn limit(encoding: Encoding, units: usize) -> usize {
    if units <= encoding.alone() {
        encoding.alone()
    } else {
        encoding.joined()
    }
}

const fn parts(text: &str, encoding: Encoding, units: usize) -> Parts<'_> {
    Parts {
        rest: text,
        encoding,
        limit: limit(encoding, units),
    }
}

/// The parts of a text, each with its units.
struct Parts<'a> {
    rest: &'a str,
    encoding: Encoding,
    limit: usize,
}

impl<'a> Iterator for Parts<'a> {
    type Item = (&'a str, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let mut units = 0;
        let mut end = self.rest.len();
        for (at, c) in self.rest.char_indices() {
            let more = self.encoding.units(c);
            if units + more > self.limit {
                end = at;
                break;
            }
            units += more;
        }
        let (part, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!part.is_empty()).then_some((part, units))
    }
}
