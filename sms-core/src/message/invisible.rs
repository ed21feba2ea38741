//! Invisible characters.

use std::ops::RangeInclusive;

/// The code points of the property `Default_Ignorable_Code_Point`: format characters, fillers,
/// joiners, variation selectors, tags. Source: `DerivedCoreProperties.txt` of Unicode 16.0.
#[rustfmt::skip]
const IGNORABLE: [RangeInclusive<char>; 17] = [
    '\u{ad}'..='\u{ad}', '\u{34f}'..='\u{34f}', '\u{61c}'..='\u{61c}', '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}', '\u{180b}'..='\u{180f}', '\u{200b}'..='\u{200f}',
    '\u{202a}'..='\u{202e}', '\u{2060}'..='\u{206f}', '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}', '\u{feff}'..='\u{feff}', '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fff8}', '\u{1bca0}'..='\u{1bca3}', '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0fff}',
];

/// Returns true for a format character, which affects the layout of a text and is not visible.
pub(crate) fn is_format(c: char) -> bool {
    // The marks of annotations are of general category Cf, but not ignorable.
    c >= '\u{ad}'
        && (IGNORABLE.iter().any(|range| range.contains(&c))
            || matches!(c, '\u{fff9}'..='\u{fffb}'))
}

/// Returns true for a character that is not visible by itself: white space, a control character, a
/// format character, or the blank of braille.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_whitespace() || c.is_control() || is_format(c) || c == '\u{2800}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_in_order_and_do_not_overlap() {
        assert!(IGNORABLE.windows(2).all(|pair| pair[0].end() < pair[1].start()));
    }

    #[test]
    fn letters_digits_marks_and_emoji_are_visible() {
        for c in "aя1.'ا中😀\u{301}\u{fffc}\u{fffd}".chars() {
            assert!(!is_invisible(c), "U+{:04X}", u32::from(c));
        }
    }
}
