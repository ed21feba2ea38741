//! Encoding of texts on the air, and the number of parts.
//!
//! A message carries 140 octets (3GPP TS 23.040 §9.2.3.24): 160 septets, or 70 UTF-16 code units. A
//! longer text is split into parts, each with a header of 6 octets (§9.2.3.24.1), which leaves 153
//! septets or 67 units.
//!
//! An escape pair must not be split (the same section), so a part may be a septet short. A
//! surrogate pair may be split: the standard counts code units only, and a phone joins the parts
//! before it decodes them. So an emoji at the border of two parts does not need an additional part.

use serde::{Deserialize, Serialize};

use super::{gsm7, invisible};
use crate::numbered::numbered;

/// Encoding of a text on the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Encoding {
    /// The 7-bit alphabet of GSM: Latin letters, digits, a few accents and Greek capitals. Counted
    /// in septets.
    Gsm7 = 0,
    /// UTF-16, for every text with a character that is not in the alphabet of GSM, such as Cyrillic
    /// letters and emoji. Counted in code units.
    Ucs2 = 1,
}

numbered!(Encoding: Gsm7 = "gsm7", Ucs2 = "ucs2");

impl Encoding {
    /// Maximum number of units in a text of one part.
    const fn single_part_units(self) -> usize {
        match self {
            Self::Gsm7 => 160,
            Self::Ucs2 => 70,
        }
    }

    /// Maximum number of units in each of several parts.
    const fn multi_part_units(self) -> usize {
        match self {
            Self::Gsm7 => 153,
            Self::Ucs2 => 67,
        }
    }
}

/// Size of a text on the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextCount {
    /// The encoding.
    pub encoding: Encoding,
    /// Length in septets or UTF-16 code units.
    pub units: usize,
    /// Number of parts; 0 for an empty text.
    pub parts: usize,
    units_in_last_part: usize,
}

impl TextCount {
    /// Number of units that still fit into the last part. For an empty text this is a whole part.
    pub const fn left_in_part(&self) -> usize {
        limit(self.encoding, self.units) - self.units_in_last_part
    }
}

/// Counts the units and parts of a text. Does not allocate.
///
/// ```
/// use sms_core::message::text::{self, Encoding};
///
/// let counted = text::count("Ваш код: 1234");
/// assert_eq!((counted.encoding, counted.units, counted.parts), (Encoding::Ucs2, 13, 1));
/// assert_eq!(counted.left_in_part(), 57);
/// ```
pub fn count(text: &str) -> TextCount {
    let (encoding, units) = measure(text);
    let limit = limit(encoding, units);
    let (parts, units_in_last_part) = match encoding {
        _ if units == 0 => (0, 0),
        _ if units <= limit => (1, units),
        Encoding::Ucs2 => (units.div_ceil(limit), (units - 1) % limit + 1),
        Encoding::Gsm7 => septet_parts(text, limit),
    };
    TextCount { encoding, units, parts, units_in_last_part }
}

/// Returns true if a text has no visible character: it is empty, or contains only white space,
/// format characters and fillers.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(invisible::is_invisible)
}

fn measure(text: &str) -> (Encoding, usize) {
    match text.chars().try_fold(0, |units, c| Some(units + gsm7::septets(c)?)) {
        Some(units) => (Encoding::Gsm7, units),
        None => (Encoding::Ucs2, text.encode_utf16().count()),
    }
}

/// Maximum number of units in each part of a text of `units`.
const fn limit(encoding: Encoding, units: usize) -> usize {
    if units <= encoding.single_part_units() {
        encoding.single_part_units()
    } else {
        encoding.multi_part_units()
    }
}

/// The number of parts of a text in GSM that is not empty, and the number of septets in the last
/// part.
fn septet_parts(text: &str, limit: usize) -> (usize, usize) {
    text.chars().filter_map(gsm7::septets).fold((1, 0), |(parts, filled), septets| {
        if filled + septets > limit { (parts + 1, septets) } else { (parts, filled + septets) }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Encoding::{Gsm7, Ucs2};
    use super::*;

    /// The units of each part, counted by filling one part after the other.
    fn lengths(text: &str) -> Vec<usize> {
        let encoding = count(text).encoding;
        // Pieces that must not be split: a character of GSM, a code unit of UCS-2.
        let pieces: Vec<usize> = match encoding {
            Gsm7 => text.chars().filter_map(gsm7::septets).collect(),
            Ucs2 => vec![1; text.encode_utf16().count()],
        };
        let limit = if pieces.iter().sum::<usize>() <= encoding.single_part_units() {
            encoding.single_part_units()
        } else {
            encoding.multi_part_units()
        };
        let mut parts: Vec<usize> = Vec::new();
        for units in pieces {
            match parts.last_mut().filter(|part| **part + units <= limit) {
                Some(part) => *part += units,
                None => parts.push(units),
            }
        }
        parts
    }

    fn assert_lengths(text: &str, encoding: Encoding, expected: &[usize]) {
        assert_eq!(lengths(text), expected, "{text:?}");
        let counted = count(text);
        assert_eq!((counted.encoding, counted.parts), (encoding, expected.len()), "{text:?}");
        assert_eq!(counted.units, expected.iter().sum::<usize>(), "{text:?}");
    }

    #[test]
    fn an_empty_text_takes_no_part_and_has_a_whole_one_left() {
        assert_lengths("", Gsm7, &[]);
        assert_eq!(count("").left_in_part(), 160);
    }

    #[test]
    fn gsm_parts_hold_160_septets_alone_and_153_joined() {
        let text = |septets| "a".repeat(septets);
        assert_lengths(&text(160), Gsm7, &[160]);
        assert_lengths(&text(161), Gsm7, &[153, 8]);
        assert_lengths(&text(2 * 153), Gsm7, &[153, 153]);
        assert_lengths(&text(2 * 153 + 1), Gsm7, &[153, 153, 1]);
        assert_lengths(&text(8 * 153), Gsm7, &[153; 8]);
        assert_eq!(count(&text(8 * 153 + 1)).parts, 9);
    }

    #[test]
    fn ucs2_parts_hold_70_units_alone_and_67_joined() {
        let text = |units| "я".repeat(units);
        assert_lengths(&text(70), Ucs2, &[70]);
        assert_lengths(&text(71), Ucs2, &[67, 4]);
        assert_lengths(&text(2 * 67), Ucs2, &[67, 67]);
        assert_lengths(&text(2 * 67 + 1), Ucs2, &[67, 67, 1]);
        assert_lengths(&text(8 * 67), Ucs2, &[67; 8]);
        assert_eq!(count(&text(8 * 67 + 1)).parts, 9);
    }

    #[test]
    fn an_extension_character_counts_twice_at_the_border_of_one_part() {
        assert_lengths(&format!("{}€", "a".repeat(158)), Gsm7, &[160]);
        assert_lengths(&format!("{}€", "a".repeat(159)), Gsm7, &[153, 8]);
        assert_lengths(&"€".repeat(80), Gsm7, &[160]);
        assert_lengths(&"€".repeat(81), Gsm7, &[152, 10]);
    }

    #[test]
    fn an_escape_pair_is_not_cut_even_if_that_costs_a_part() {
        for extended in ['€', '^', '{', '}', '[', ']', '~', '\\', '|', '\u{c}'] {
            let text = |after| format!("{}{extended}{}", "a".repeat(152), "a".repeat(after));
            assert_lengths(&text(7), Gsm7, &[152, 9]);
            // 306 septets would be two parts, were it not for the border.
            assert_lengths(&text(152), Gsm7, &[152, 153, 1]);
        }
    }

    #[test]
    fn a_surrogate_pair_at_the_border_of_two_parts_costs_no_part() {
        let text = |after| format!("{}😀{}", "я".repeat(66), "я".repeat(after));
        assert_lengths(&text(3), Ucs2, &[67, 4]);
        assert_lengths(&text(66), Ucs2, &[67, 67]);
        assert_lengths(&text(67), Ucs2, &[67, 67, 1]);
        assert_lengths(&"😀".repeat(35), Ucs2, &[70]);
        assert_lengths(&"😀".repeat(36), Ucs2, &[67, 5]);
        assert_lengths(&"😀".repeat(4 * 67), Ucs2, &[67; 8]);
    }

    #[test]
    fn a_text_of_nothing_to_be_seen_is_blank() {
        for blank in [
            "",
            " \t\r\n",
            "\u{a0}\u{2003}\u{3000}",
            "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}",
            "\u{3164}\u{2800}",
        ] {
            assert!(is_blank(blank), "{blank:?}");
        }
        for seen in ["a", " . ", "\u{200b}я", "👨\u{200d}👩"] {
            assert!(!is_blank(seen), "{seen:?}");
        }
    }

    #[test]
    fn one_character_gsm_lacks_makes_the_whole_text_ucs2() {
        assert_lengths(&format!("{}я", "a".repeat(69)), Ucs2, &[70]);
        assert_lengths(&format!("{}я", "a".repeat(70)), Ucs2, &[67, 4]);
        // An extension character is one unit in UCS-2.
        assert_lengths("€я", Ucs2, &[2]);
        assert_lengths("Ça va?", Gsm7, &[6]);
        assert_lengths("ça va?", Ucs2, &[6]);
    }

    #[test]
    fn the_counter_of_a_form_starts_again_in_every_part() {
        let left = |text: String| count(&text).left_in_part();
        assert_eq!(left("a".repeat(159)), 1);
        assert_eq!(left("a".repeat(160)), 0);
        assert_eq!(left("a".repeat(161)), 145);
        assert_eq!(left("я".repeat(71)), 63);
        assert_eq!(left("я".repeat(134)), 0);
    }

    #[test]
    fn the_name_in_json_is_the_name_in_stores() {
        for encoding in [Gsm7, Ucs2] {
            assert_eq!(Encoding::from_name(encoding.as_str()), Some(encoding));
            assert_eq!(serde_json::to_value(encoding).ok(), Some(encoding.as_str().into()));
        }
        assert_eq!(Encoding::from_name("GSM7"), None);
    }

    /// Texts of one or a few parts, many of them in GSM, with many escape and surrogate pairs.
    fn texts() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-zA-Z0-9 @£éÇΩ€^{}|~\\[\\]\\\\]{0,700}",
            "[a-z]{140,170}[€\\[]{0,10}[a-z]{130,170}",
            "[а-я a-z€😀🚀]{0,350}",
            any::<String>(),
        ]
    }

    proptest! {
        #[test]
        fn parts_are_as_many_as_it_takes_to_fill_them_one_by_one(text in texts()) {
            let (counted, lengths) = (count(&text), lengths(&text));
            let units = lengths.iter().sum::<usize>();
            prop_assert_eq!((counted.parts, counted.units), (lengths.len(), units));
        }

        #[test]
        fn every_part_is_within_its_limit_and_all_but_the_last_are_full(text in texts()) {
            let (encoding, lengths) = (count(&text).encoding, lengths(&text));
            let limit = match (encoding, lengths.len()) {
                (Gsm7, 0 | 1) => 160,
                (Gsm7, _) => 153,
                (Ucs2, 0 | 1) => 70,
                (Ucs2, _) => 67,
            };
            prop_assert!(lengths.iter().all(|&units| 0 < units && units <= limit), "{:?}", lengths);
            // A part is short by one if an escape pair did not fit.
            let full = lengths.split_last().map_or(&[][..], |(_, full)| full);
            prop_assert!(full.iter().all(|&units| units + 1 >= limit), "{:?}", lengths);
        }

        #[test]
        fn what_is_said_to_fit_in_the_last_part_fits_and_no_more(text in texts()) {
            let counted = count(&text);
            let typed = |more: usize| count(&format!("{text}{}", "a".repeat(more))).parts;
            // The first character opens the first part.
            let parts = counted.parts.max(1);
            prop_assert_eq!(typed(counted.left_in_part()), parts);
            prop_assert_eq!(typed(counted.left_in_part() + 1), parts + 1);
        }
    }
}
