//! Cyrillic in Latin letters, for `translit=1`: seven bits a letter in place of sixteen.

/// The text with every Russian letter spelled in Latin ones.
pub(super) fn latin(text: &str) -> String {
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
    out
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
