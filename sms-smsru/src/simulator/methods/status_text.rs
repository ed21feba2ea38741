//! The words beside a code.

use crate::code::{self, Level};

/// What the live server was seen to say; for the other codes our own table speaks.
const SEEN: &[(i32, &str)] = &[
    (-1, "Сообщение не найдено"),
    (102, "Сообщение отправлено (в пути)"),
    (103, "Сообщение доставлено"),
    (104, "Не может быть доставлено: время жизни истекло"),
    (
        221,
        "Для работы с нашим сервисом, необходимо создать буквенного отправителя, соответствующего вашему сайту, \
         названию юр. лица или товарному знаку - https://sms.ru/?panel=senders",
    ),
    (401, "Авторизация по звонку: номер подтвержден"),
];

/// The text of a code that refuses something.
pub(crate) fn refusal(code: i32) -> &'static str {
    seen(code)
        .or_else(|| code::TABLE.iter().find(|row| row.code == code).map(|row| row.ru))
        .unwrap_or("Неизвестная ошибка")
}

/// The text of a delivery status.
pub(crate) fn delivery(code: i32) -> &'static str {
    seen(code)
        .or_else(|| code::find(code, Level::Delivery).map(|row| row.ru))
        .unwrap_or("Неизвестный статус")
}

/// The text of the state of a call.
pub(crate) fn call_check(code: i32) -> &'static str {
    seen(code)
        .or_else(|| code::find(code, Level::CallCheck).map(|row| row.ru))
        .unwrap_or("Неизвестный статус")
}

fn seen(code: i32) -> Option<&'static str> {
    SEEN.iter().find(|(seen, _)| *seen == code).map(|(_, text)| *text)
}
