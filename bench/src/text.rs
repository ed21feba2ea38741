//! Messages of the benchmark. Each has a distinct number and text; the text holds the time of its
//! request.

/// First word of the texts.
pub(crate) const MARK: &str = "Bench";
/// First word of the texts of urgent messages, by which the stand-in knows them.
pub(crate) const URGENT_MARK: &str = "Alert";

/// The body of a request for one message. `asked` is the time of the request, in microseconds since
/// 1970.
pub(crate) fn message(number: u64, asked: u64, class: &str) -> String {
    let mark = if class == "otp" { URGENT_MARK } else { MARK };
    let text = text(mark, number, asked);
    format!(r#"{{"to":"{}","text":"{text}","class":"{class}"}}"#, to(number))
}

/// A Russian mobile number.
pub(crate) fn to(number: u64) -> String {
    format!("+7925{:07}", number % 10_000_000)
}

/// A text of at most 70 characters: one part.
pub(crate) fn text(mark: &str, number: u64, asked: u64) -> String {
    format!("{mark} {asked} {number} your order is ready")
}

/// Contents of a text.
pub(crate) struct Parsed {
    pub(crate) is_urgent: bool,
    /// Time of the request; 0 if its latency is not measured.
    pub(crate) asked: u64,
    pub(crate) number: usize,
}

/// Parses a text made by [`text`].
pub(crate) fn parse(text: &str) -> Option<Parsed> {
    let mut words = text.split(' ');
    let mark = words.next()?;
    let parsed = Parsed {
        is_urgent: mark == URGENT_MARK,
        asked: words.next()?.parse().ok()?,
        number: words.next()?.parse().ok()?,
    };
    (mark == MARK || mark == URGENT_MARK).then_some(parsed)
}
