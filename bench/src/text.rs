//! The messages: each has a number and a text of its own, and says when it was sent.

/// What the texts begin with, by which the provider tells messages whose latency counts apart.
pub(crate) const MARK: &str = "Bench";
/// The same for urgent ones.
pub(crate) const URGENT_MARK: &str = "Alert";

/// The body of a request for one message: its number, and when it was asked for, in microseconds
/// since 1970.
pub(crate) fn message(number: u64, asked: u64, class: &str) -> String {
    let mark = if class == "otp" { URGENT_MARK } else { MARK };
    let text = text(mark, number, asked);
    format!(r#"{{"to":"{}","text":"{text}","class":"{class}"}}"#, to(number))
}

/// A Russian mobile number.
pub(crate) fn to(number: u64) -> String {
    format!("+7925{:07}", number % 10_000_000)
}

/// The text: 70 characters at the most, one part.
pub(crate) fn text(mark: &str, number: u64, asked: u64) -> String {
    format!("{mark} {asked} {number} your order is ready")
}

/// What a text says of its message.
pub(crate) struct Read {
    pub(crate) is_urgent: bool,
    /// When it was asked for; 0 where that does not count.
    pub(crate) asked: u64,
    pub(crate) number: usize,
}

/// Reads a text of [`text`].
pub(crate) fn read(text: &str) -> Option<Read> {
    let mut words = text.split(' ');
    let mark = words.next()?;
    let read = Read {
        is_urgent: mark == URGENT_MARK,
        asked: words.next()?.parse().ok()?,
        number: words.next()?.parse().ok()?,
    };
    (mark == MARK || mark == URGENT_MARK).then_some(read)
}
