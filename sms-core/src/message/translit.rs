//! Transliteration of Cyrillic into Latin letters, which take seven bits instead of sixteen.

use std::borrow::Cow;

/// Transliterates every Russian letter, as the provider does for
/// [`Message::translit`](crate::Message::translit). Other letters do not change.
///
/// sms.ru does not publish its table. This is the usual one, in which most letters become one
/// letter, `ж ч ш ю я` two and `щ` three. If a provider uses another table, its number of parts can
/// differ from this one for a text near the limit of a part. The provider's own estimate tells the
/// number that it charges for.
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
        match (c.to_lowercase().next().and_then(latin_letters), c.is_uppercase()) {
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
const fn latin_letters(lower: char) -> Option<&'static str> {
    Some(match lower {
        'а' => "a", 'б' => "b", 'в' => "v", 'г' => "g", 'д' => "d", 'е' | 'ё' | 'э' => "e",
        'ж' => "zh", 'з' => "z", 'и' => "i", 'й' => "j", 'к' => "k", 'л' => "l", 'м' => "m",
        'н' => "n", 'о' => "o", 'п' => "p", 'р' => "r", 'с' => "s", 'т' => "t", 'у' => "u",
        'ф' => "f", 'х' => "h", 'ц' => "c", 'ч' => "ch", 'ш' => "sh", 'щ' => "sch",
        'ъ' | 'ь' => "'", 'ы' => "y", 'ю' => "yu", 'я' => "ya",
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
