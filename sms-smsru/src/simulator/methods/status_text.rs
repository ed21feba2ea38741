//! The status texts of codes.

use crate::code::{self, Level};

/// The recorded texts of the live server. The table of codes has the texts of all other codes.
const RECORDED: &[(i32, &str)] = &[
    (-1, "Сообщение не найдено"),
    (102, "Сообщение отправлено (в пути)"),
    (103, "Сообщение доставлено"),
    (104, "Не может быть доставлено: время жизни истекло"),
    (
        221,
        "Для работы с нашим сервисом, необходимо создать буквенного отправителя, \
         соответствующего вашему сайту, названию юр. лица или товарному знаку - \
         https://sms.ru/?panel=senders",
    ),
    (401, "Авторизация по звонку: номер подтвержден"),
];

/// Returns the text of a refusal.
pub(crate) fn refusal(code: i32) -> &'static str {
    recorded(code)
        .or_else(|| code::TABLE.iter().find(|row| row.code == code).map(|row| row.ru))
        .unwrap_or("Неизвестная ошибка")
}

/// Returns the text of a delivery status.
pub(crate) fn delivery(code: i32) -> &'static str {
    recorded(code)
        .or_else(|| code::find(code, Level::Delivery).map(|row| row.ru))
        .unwrap_or("Неизвестный статус")
}

/// Returns the text of the state of a check by phone call.
pub(crate) fn call_check(code: i32) -> &'static str {
    recorded(code)
        .or_else(|| code::find(code, Level::CallCheck).map(|row| row.ru))
        .unwrap_or("Неизвестный статус")
}

fn recorded(code: i32) -> Option<&'static str> {
    RECORDED.iter().find(|(recorded, _)| *recorded == code).map(|(_, text)| *text)
}
