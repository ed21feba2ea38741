//! The 7-bit alphabet of SMS: its characters, and the number of septets of each.
//!
//! Source: 3GPP TS 23.038 (before that GSM 03.38), §6.2.1 "GSM 7 bit Default Alphabet" and §6.2.1.1
//! "GSM 7 bit default alphabet extension table". The national language tables of its annex A are
//! left out, because they must be announced in a header, and providers do not send one.

/// Escape: the next septet is a position in the extension table. Not a character by itself.
const ESC: char = '\u{1b}';

/// The default alphabet by position, 0x00 to 0x7F. It is not a superset of ASCII: `` ` `` is
/// missing. It has the capital c with cedilla, but not the small one.
#[rustfmt::skip]
const DEFAULT: [char; 128] = [
    // 0x00
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å',
    // 0x10
    'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', ESC, 'Æ', 'æ', 'ß', 'É',
    // 0x20
    ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/',
    // 0x30
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?',
    // 0x40
    '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O',
    // 0x50
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§',
    // 0x60
    '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
    // 0x70
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
];

/// The extension table: the position after an escape, and the character there.
/// The positions that the standard reserves for control (0x0D) and for another escape (0x1B) are
/// not characters.
const EXTENSION: [(u8, char); 10] = [
    (0x0a, '\u{c}'), // page break, that is form feed
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2f, '\\'),
    (0x3c, '['),
    (0x3d, '~'),
    (0x3e, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

/// Number of septets of each ASCII character, 0 for those that are not in the alphabet. Most
/// characters are found here, without a search of the tables.
const ASCII_SEPTETS: [u8; 128] = ascii_septets();

/// Number of septets of a character: 1 in the default alphabet, 2 (an escape and a position) in the
/// extension table, `None` if it is not in the alphabet.
pub(crate) fn septets(c: char) -> Option<usize> {
    if let Some(&septets) = ASCII_SEPTETS.get(c as usize) {
        return (septets > 0).then_some(usize::from(septets));
    }
    if DEFAULT.contains(&c) {
        return Some(1);
    }
    EXTENSION.iter().any(|&(_, extended)| extended == c).then_some(2)
}

const fn ascii_septets() -> [u8; 128] {
    let mut septets = [0; 128];
    let mut at = 0;
    while at < DEFAULT.len() {
        if DEFAULT[at].is_ascii() && DEFAULT[at] != ESC {
            septets[DEFAULT[at] as usize] = 1;
        }
        at += 1;
    }
    at = 0;
    while at < EXTENSION.len() {
        if EXTENSION[at].1.is_ascii() {
            septets[EXTENSION[at].1 as usize] = 2;
        }
        at += 1;
    }
    septets
}

#[cfg(test)]
mod tests {
    use super::*;

    /// §6.2.1 again, as code points, so that a typing error in either table is found.
    #[rustfmt::skip]
    const VECTORS: [u32; 128] = [
        0x0040, 0x00a3, 0x0024, 0x00a5, 0x00e8, 0x00e9, 0x00f9, 0x00ec, // 0x00
        0x00f2, 0x00c7, 0x000a, 0x00d8, 0x00f8, 0x000d, 0x00c5, 0x00e5,
        0x0394, 0x005f, 0x03a6, 0x0393, 0x039b, 0x03a9, 0x03a0, 0x03a8, // 0x10
        0x03a3, 0x0398, 0x039e, 0x001b, 0x00c6, 0x00e6, 0x00df, 0x00c9,
        0x0020, 0x0021, 0x0022, 0x0023, 0x00a4, 0x0025, 0x0026, 0x0027, // 0x20
        0x0028, 0x0029, 0x002a, 0x002b, 0x002c, 0x002d, 0x002e, 0x002f,
        0x0030, 0x0031, 0x0032, 0x0033, 0x0034, 0x0035, 0x0036, 0x0037, // 0x30
        0x0038, 0x0039, 0x003a, 0x003b, 0x003c, 0x003d, 0x003e, 0x003f,
        0x00a1, 0x0041, 0x0042, 0x0043, 0x0044, 0x0045, 0x0046, 0x0047, // 0x40
        0x0048, 0x0049, 0x004a, 0x004b, 0x004c, 0x004d, 0x004e, 0x004f,
        0x0050, 0x0051, 0x0052, 0x0053, 0x0054, 0x0055, 0x0056, 0x0057, // 0x50
        0x0058, 0x0059, 0x005a, 0x00c4, 0x00d6, 0x00d1, 0x00dc, 0x00a7,
        0x00bf, 0x0061, 0x0062, 0x0063, 0x0064, 0x0065, 0x0066, 0x0067, // 0x60
        0x0068, 0x0069, 0x006a, 0x006b, 0x006c, 0x006d, 0x006e, 0x006f,
        0x0070, 0x0071, 0x0072, 0x0073, 0x0074, 0x0075, 0x0076, 0x0077, // 0x70
        0x0078, 0x0079, 0x007a, 0x00e4, 0x00f6, 0x00f1, 0x00fc, 0x00e0,
    ];

    /// §6.2.1.1 again, the same way.
    const EXTENSION_VECTORS: [(u8, u32); 10] = [
        (0x0a, 0x000c),
        (0x14, 0x005e),
        (0x28, 0x007b),
        (0x29, 0x007d),
        (0x2f, 0x005c),
        (0x3c, 0x005b),
        (0x3d, 0x007e),
        (0x3e, 0x005d),
        (0x40, 0x007c),
        (0x65, 0x20ac),
    ];

    #[test]
    fn every_position_of_the_default_alphabet_is_the_standards() {
        for (position, (&c, code)) in DEFAULT.iter().zip(VECTORS).enumerate() {
            assert_eq!(u32::from(c), code, "position {position:#04x}");
            let expected = (position != 0x1b).then_some(1);
            assert_eq!(septets(c), expected, "position {position:#04x}");
        }
    }

    #[test]
    fn every_extension_character_is_the_standards_and_takes_two_septets() {
        for ((position, c), (expected, code)) in EXTENSION.into_iter().zip(EXTENSION_VECTORS) {
            assert_eq!((position, u32::from(c)), (expected, code));
            assert_eq!(septets(c), Some(2), "position {position:#04x}");
        }
    }

    #[test]
    fn no_other_character_counts_as_gsm() {
        let costing = |cost| ('\0'..='\u{ffff}').filter(|&c| septets(c) == Some(cost)).count();
        assert_eq!((costing(1), costing(2)), (127, EXTENSION.len()));
    }

    #[test]
    fn look_alikes_do_not_pass_for_gsm() {
        // Small c with cedilla, grave accent, Cyrillic A, Greek Alpha, no-break space, curly quote,
        // escape, tab.
        for c in ['ç', '`', 'А', 'Α', '\u{a0}', '’', ESC, '\t'] {
            assert_eq!(septets(c), None, "{c:?}");
        }
    }
}
