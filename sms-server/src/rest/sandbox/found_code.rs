//! One-time codes in texts.

use std::cmp::Reverse;
use std::ops::Range;

/// Lengths of a code, in digits.
const LENGTHS: std::ops::RangeInclusive<usize> = 4..=8;
/// Beginnings of the words that stand next to a code, and words that do as a whole.
const CODE_STEMS: [&str; 5] = ["код", "парол", "code", "passw", "passc"];
const CODE_WORDS: [&str; 4] = ["pin", "пин", "otp", "pass"];
/// Beginnings of the words after which a number is not a code.
const OTHER_STEMS: [&str; 18] = [
    "заказ",
    "order",
    "договор",
    "счет",
    "счёт",
    "карт",
    "card",
    "invoice",
    "тел",
    "phone",
    "баланс",
    "balance",
    "сумм",
    "итог",
    "total",
    "account",
    "ticket",
    "билет",
];
/// Words after an amount or a measure.
const UNITS: [&str; 24] = [
    "р",
    "руб",
    "рубль",
    "рубля",
    "рублей",
    "коп",
    "rub",
    "usd",
    "eur",
    "тыс",
    "тысяч",
    "млн",
    "балл",
    "балла",
    "баллов",
    "бонус",
    "бонуса",
    "бонусов",
    "points",
    "мб",
    "mb",
    "км",
    "шт",
    "г",
];
/// Beginnings of the names of months, after which four digits are a year.
const MONTHS: [&str; 24] = [
    "янв", "фев", "мар", "апр", "мая", "июн", "июл", "авг", "сен", "окт", "ноя", "дек", "jan",
    "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const YEAR_WORDS: [&str; 5] = ["год", "года", "году", "year", "г"];

/// The code in a text: the best candidate of 4 to 8 digits, without the hyphen or blank in its
/// middle. Phone numbers, amounts, dates, times and masked cards are no candidates. One near a word
/// such as "code" is better than others, one right after a word such as "order" is worse.
pub(super) fn found_code(text: &str) -> Option<String> {
    let text = Text::new(text);
    let best = text.candidates().into_iter().filter_map(|candidate| {
        let score = text.score(&candidate)?;
        Some((score, Reverse(candidate.start), candidate))
    });
    let (.., candidate) = best.max_by_key(|(score, start, _)| (*score, *start))?;
    Some(text.letters[candidate].iter().filter(|letter| letter.is_ascii_digit()).collect())
}

/// A text in lower case, with its words and its runs of digits.
struct Text {
    letters: Vec<char>,
    words: Vec<Range<usize>>,
    runs: Vec<Range<usize>>,
}

impl Text {
    fn new(text: &str) -> Self {
        let lower = |letter: char| letter.to_lowercase().next().unwrap_or(letter);
        let letters: Vec<char> = text.chars().map(lower).collect();
        let words = stretches(&letters, char::is_alphabetic);
        let runs = stretches(&letters, |letter| letter.is_ascii_digit());
        Self { letters, words, runs }
    }

    /// Runs of digits that may be a code, alone or two of the same length together.
    fn candidates(&self) -> Vec<Range<usize>> {
        let (is_phone, mut found, mut at) = (self.phones(), Vec::new(), 0);
        while at < self.runs.len() {
            let end = (at..self.runs.len()).find(|index| !self.is_tied(*index)).unwrap_or(at) + 1;
            let chain = &self.runs[at..end];
            let whole = chain[0].start..chain[chain.len() - 1].end;
            let is_code = match chain {
                [_] => true,
                [one, other] => self.between(at) == ['-'] && one.len() == other.len(),
                _ => false,
            };
            let digits = chain.iter().map(Range::len).sum();
            if !is_phone[at] {
                if is_code && LENGTHS.contains(&digits) {
                    found.push(whole);
                } else if self.is_split_by_blank(at) && !is_phone[at + 1] {
                    found.push(chain[0].start..self.runs[at + 1].end);
                }
            }
            at = end;
        }
        found
    }

    /// True if a run and the next are parts of a date, a time, an amount or a number with hyphens.
    fn is_tied(&self, index: usize) -> bool {
        matches!(self.between(index), ['-' | '.' | ',' | '/' | ':'])
    }

    /// True if a run and the next are the halves of `123 456`, and no other run is next to them.
    fn is_split_by_blank(&self, index: usize) -> bool {
        let is_blank = |index| matches!(self.between(index), [' ' | '\u{a0}']);
        let before = index.checked_sub(1);
        let is_half = |index: usize| self.runs.get(index).is_some_and(|run| run.len() == 3);
        is_half(index)
            && is_half(index + 1)
            && is_blank(index)
            && !before.is_some_and(|before| is_blank(before) || self.is_tied(before))
            && !is_blank(index + 1)
            && !self.is_tied(index + 1)
    }

    /// What is between a run and the next; nothing after the last.
    fn between(&self, index: usize) -> &[char] {
        match self.runs.get(index..index + 2) {
            Some([one, other]) => &self.letters[one.end..other.start],
            _ => &[],
        }
    }

    /// For each run, true if it belongs to a phone number: 10 to 15 digits after a `+`, or 11 after
    /// a 7 or 8, in groups.
    fn phones(&self) -> Vec<bool> {
        let mut is_phone = vec![false; self.runs.len()];
        for start in 0..self.runs.len() {
            let is_international = self.before(self.runs[start].start) == Some('+');
            let is_national = matches!(self.letters[self.runs[start].start], '7' | '8');
            let (mut end, mut digits) = (start, self.runs[start].len());
            let is_enough = |digits| digits >= if is_international { 10 } else { 11 };
            while !is_enough(digits) && self.is_grouped(end) {
                end += 1;
                digits += self.runs[end].len();
            }
            if is_international && is_enough(digits) || is_national && digits == 11 {
                is_phone[start..=end].fill(true);
            }
        }
        is_phone
    }

    /// True if a run and the next may be groups of a phone number.
    fn is_grouped(&self, index: usize) -> bool {
        let between = self.between(index);
        let is_grouping = |letter: &char| matches!(letter, ' ' | '\u{a0}' | '-' | '(' | ')');
        (1..=2).contains(&between.len()) && between.iter().all(is_grouping)
    }

    fn before(&self, at: usize) -> Option<char> {
        at.checked_sub(1).map(|at| self.letters[at])
    }

    fn word_is(&self, word: &Range<usize>, any_of: &[&str]) -> bool {
        any_of.iter().any(|known| self.letters[word.clone()].iter().copied().eq(known.chars()))
    }

    fn begins(&self, word: &Range<usize>, any_of: &[&str]) -> bool {
        let letters = || self.letters[word.clone()].iter().copied();
        any_of.iter().any(|stem| letters().take(stem.chars().count()).eq(stem.chars()))
    }

    fn is_code_word(&self, word: &Range<usize>) -> bool {
        self.begins(word, &CODE_STEMS) || self.word_is(word, &CODE_WORDS)
    }

    /// How well a candidate fits; `None` if it is something else.
    fn score(&self, candidate: &Range<usize>) -> Option<usize> {
        let previous = self.words.iter().rev().find(|word| word.end <= candidate.start);
        let next = self.words.iter().find(|word| word.start >= candidate.end);
        let follows = |word: &Range<usize>| word.start - candidate.end <= 1;
        let glued = previous.filter(|word| word.end == candidate.start);
        if glued.is_some_and(|word| !self.is_code_word(word))
            || next.is_some_and(|word| word.start == candidate.end)
            || next.is_some_and(|word| follows(word) && self.word_is(word, &UNITS))
        {
            return None;
        }
        let is_near = |letter: Option<&char>| letter.is_some_and(|it| "%$€£₽*".contains(*it));
        let is_marked = is_near(self.letters.get(candidate.end))
            || self.letters.get(candidate.end) == Some(&' ')
                && is_near(self.letters.get(candidate.end + 1));
        let is_marked_before =
            self.before(candidate.start).is_some_and(|letter| "*/$€£₽№+".contains(letter));
        if is_marked || is_marked_before || self.is_year(candidate, previous, next) {
            return None;
        }
        let near = |most: usize, distance: usize| most.saturating_sub(distance);
        let of_word = |word: &Range<usize>| {
            if word.end <= candidate.start {
                near(100, candidate.start - word.end)
            } else {
                near(80, word.start - candidate.end)
            }
        };
        let of_words = self.words.iter().filter(|word| self.is_code_word(word)).map(of_word);
        let is_other = previous.is_some_and(|word| self.begins(word, &OTHER_STEMS));
        let score = 10 + of_words.max().unwrap_or(0);
        score.checked_sub(if is_other { 50 } else { 0 })
    }

    fn is_year(
        &self,
        candidate: &Range<usize>,
        previous: Option<&Range<usize>>,
        next: Option<&Range<usize>>,
    ) -> bool {
        let starts = |with: [char; 2]| self.letters[candidate.clone()].starts_with(&with);
        let is_after_month = previous
            .is_some_and(|word| candidate.start - word.end == 1 && self.begins(word, &MONTHS));
        let is_before_word = next
            .is_some_and(|word| word.start - candidate.end == 1 && self.word_is(word, &YEAR_WORDS));
        candidate.len() == 4
            && (starts(['1', '9']) || starts(['2', '0']))
            && (is_after_month || is_before_word)
    }
}

/// The longest stretches of letters for which `is_part` holds.
fn stretches(letters: &[char], is_part: impl Fn(char) -> bool) -> Vec<Range<usize>> {
    let (mut found, mut start) = (Vec::new(), None);
    for (at, letter) in letters.iter().copied().chain([' ']).enumerate() {
        match (is_part(letter), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                found.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_found_and_nothing_else() {
        for (text, expected) in [
            ("Код 1234", "1234"),
            ("Ваш код: 482913. Никому его не сообщайте!", "482913"),
            ("код:1234", "1234"),
            ("КОД1234", "1234"),
            ("12345 — ваш код для входа на example.ru", "12345"),
            ("123-456 is your Acme code", "123456"),
            ("123 456 is your Acme code", "123456"),
            ("Your code is 12-34", "1234"),
            ("1234-5678 is your verification code.", "12345678"),
            ("G-482913 is your Google verification code", "482913"),
            ("Для входа введите 0042", "0042"),
            ("Пароль 7788. Если это не вы, звоните 8 (800) 555-35-35", "7788"),
            ("Код 1234. Тел. +7 925 123-45-67", "1234"),
            ("+79251234567: PIN 9081", "9081"),
            ("Покупка 1500 руб., карта *4455. Код: 667788", "667788"),
            ("Списание 1500р. Баланс 23000 р. Пароль 5566", "5566"),
            ("Pay $2500 with code 3141", "3141"),
            ("Заказ 12345 готов, код получения 6789", "6789"),
            ("27.11.2026 10:30 вход в систему, код 2026", "2026"),
            ("Код 2027 действует до 27 ноября 2026 г.", "2027"),
            ("Code 8841 expires at 2026-11-27T10:30", "8841"),
            ("Your OTP for order 123456 is 9876", "9876"),
            ("Your Example code is 747723.\n\n@example.com #747723", "747723"),
            ("Используйте 5501 для входа: https://example.ru/778899", "5501"),
            ("Код 1234 действует 10 минут", "1234"),
            ("Код подтверждения\u{a0}— 918273", "918273"),
            ("Сначала 1111, потом 2222", "1111"),
        ] {
            assert_eq!(found_code(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            "Ваш заказ готов",
            "Код 123",
            "Код 123456789",
            "Заказ 12345 готов",
            "Order #12345 has shipped",
            "Звоните 8-800-555-35-35 или +7 (925) 123-45-67",
            "Call 89251234567",
            "Сумма 1 500,00, списано 2500 руб.",
            "К оплате 12 345 ₽",
            "Скидка 1500₽ до 12.05.2026",
            "Запись на 27 ноября 2026 в 10:30",
            "Встреча 2026-11-27",
            "Карта *1234, остаток 15000р",
            "Промокод SALE2026",
            "https://example.ru/123456",
            "Договор 1234567 от 1999 года",
            "٤٤٤٤ код",
        ] {
            assert_eq!(found_code(text), None, "{text}");
        }
    }

    #[test]
    fn no_text_is_too_odd() {
        let mut random = fastrand::Rng::with_seed(7);
        let letters: Vec<char> = "0123456789 -.,:/()+*%₽кодcodeИ\u{a0}ß".chars().collect();
        for _ in 0..20_000 {
            let count = random.usize(..40);
            let text: String = (0..count).filter_map(|_| random.choice(&letters)).collect();
            if let Some(code) = found_code(&text) {
                assert!(LENGTHS.contains(&code.len()), "{text}: {code}");
            }
        }
    }
}
