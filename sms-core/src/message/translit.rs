//! Cyrillic in Latin letters: seven bits a letter in place of sixteen.

use std::borrow::Cow;

/// The text with every Russian letter spelled in Latin ones, as
/// [`Message::translit`](crate::Message::translit) asks of the provider. Other letters stay as they
/// are.
///
/// sms.ru publishes no table of its own. This is the usual one, in which most letters are one, `ж ч
/// ш ю я` two and `щ` three; where a provider spells one of them otherwise, its count of parts can
/// differ from ours in a text at the edge of a part. What it charges for is told by its own
/// estimate.
///
/// ```
/// assert_eq!(sms_core::message::translit::latin("Ваш заказ готов"), "Vash zakaz gotov");
/// ```
pub fn latin(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match (c.to_lowercase().next().and_then(spelled), c.is_uppercase()) {
            (Some(letters), false) => out.push_str(letters),
            (Some(letters), true) => {
                let mut letters = letters.chars();
                out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
                out.extend(letters);
            }
            (None, _) => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[rustfmt::skip]
const fn spelled(lower: char) -> Option<&'static str> {
    Some(match lower {
        'а' => "a", 'б' => "b", 'в' => "v", 'г' => "g", 'д' => "d", 'е' | 'ё' | 'э' => "e", 'ж' => "zh",
        'з' => "z", 'и' => "i", 'й' => "j", 'к' => "k", 'л' => "l", 'м' => "m", 'н' => "n", 'о' => "o",
        'п' => "p", 'р' => "r", 'с' => "s", 'т' => "t", 'у' => "u", 'ф' => "f", 'х' => "h", 'ц' => "c",
        'ч' => "ch", 'ш' => "sh", 'щ' => "sch", 'ъ' | 'ь' => "'", 'ы' => "y",
        'ю' => "yu", 'я' => "ya",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::text::{self, Encoding};

    #[test]
    fn every_russian_letter_becomes_one_of_the_seven_bit_alphabet() {
        let letters: String = ('а'..='я').chain('А'..='Я').chain(['ё', 'Ё']).collect();
        assert_eq!(text::count(&latin(&letters)).encoding, Encoding::Gsm7);
        assert_eq!(latin("Щука, ЁЖ и подъезд"), "Schuka, EZh i pod'ezd");
    }

    #[test]
    fn other_letters_stay() {
        assert_eq!(latin("plain"), "plain");
        assert_eq!(latin("中 Їжак 😀"), "中 Їzhak 😀");
    }
}
