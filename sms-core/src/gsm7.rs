//! The 7-bit alphabet of SMS: which characters it has, and what each of them costs.
//!
//! Source: 3GPP TS 23.038 (before that GSM 03.38), §6.2.1 "GSM 7 bit Default Alphabet" and §6.2.1.1 "GSM 7 bit
//! default alphabet extension table". The national language tables of its annex A are left out: a phone must
//! be told of them in a header, and providers send none.

/// Announces that the next septet is one of the extension table. Not a character by itself.
const ESC: char = '\u{1b}';

/// The default alphabet by position, 0x00 to 0x7F. It is no superset of ASCII: `` ` `` is missing altogether,
/// and of the c with cedilla there is the capital one only.
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
/// What the standard keeps for control (0x0D) and for a further escape (0x1B) is no character.
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

/// What each ASCII character costs, 0 for those the alphabet lacks: most texts never reach the tables.
const ASCII: [u8; 128] = ascii_costs();

/// How many septets this character takes: 1 in the default alphabet, 2 (an escape and its position) in the
/// extension table, `None` if the alphabet lacks it.
pub(crate) fn septets(c: char) -> Option<usize> {
    if let Some(&cost) = ASCII.get(c as usize) {
        return (cost > 0).then_some(usize::from(cost));
    }
    if DEFAULT.contains(&c) {
        return Some(1);
    }
    EXTENSION.iter().any(|&(_, extended)| extended == c).then_some(2)
}

const fn ascii_costs() -> [u8; 128] {
    let mut costs = [0; 128];
    let mut at = 0;
    while at < DEFAULT.len() {
        if DEFAULT[at].is_ascii() && DEFAULT[at] != ESC {
            costs[DEFAULT[at] as usize] = 1;
        }
        at += 1;
    }
    at = 0;
    while at < EXTENSION.len() {
        if EXTENSION[at].1.is_ascii() {
            costs[EXTENSION[at].1 as usize] = 2;
        }
        at += 1;
    }
    costs
}
