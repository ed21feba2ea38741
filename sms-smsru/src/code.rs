//! What the codes of sms.ru mean: one table, used for replies, receipts and the words shown to
//! people.
//!
//! Source: the code list of sms.ru's own documentation, as of August 2026. It does not say at which
//! level of a JSON reply a code appears; the levels here are those of its samples and of replies
//! recorded from the live server in June 2026, and [`of_sending`] does not rely on them.

use std::time::Duration;

use sms_core::ReceiptState::{self, Delivered, InTransit, Undelivered};

use Block::{Credentials, DailyLimit, Money, Sender};
use Meaning::{Blocked, Busy, NotFound, Receipt, Rejected, Repeated, Success};

/// Where a code stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// At the top of a reply: about the whole request.
    Request,
    /// In the reply to `sms/send`: about one recipient.
    Recipient,
    /// In a status query or a callback: about an accepted message.
    Delivery,
    /// In the reply to the registration of a callback address.
    Callback,
    /// In a check by phone call.
    CallCheck,
}

/// What follows from a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Done.
    Success,
    /// Refused for good.
    Rejected,
    /// This recipient is refused for now.
    Throttled {
        /// The shortest wait before a repeat is worth it. sms.ru names the period of a limit and
        /// not when it ends, so this is our choice: the period where it is short, 6 h where it is a
        /// day.
        wait: Duration,
        /// Whether to give up at once on a one-time code: sms.ru took it for fraud, or it will come
        /// too late.
        final_for_otp: bool,
    },
    /// This recipient is refused because sms.ru took the same text for the same number within this
    /// time; a repeat is worth it after as long.
    Repeated {
        /// How far back the other one may lie.
        within: Duration,
    },
    /// The service is refused for now; its documentation says to repeat.
    Busy,
    /// The account is refused until a person or a new day helps.
    Blocked(Block),
    /// A delivery status.
    Receipt(ReceiptState),
    /// How a check by phone call stands.
    CallCheck(CallCheckState),
    /// There is no such thing; decides nothing about a message.
    NotFound,
}

/// Why an account is refused, and so what must change before it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Block {
    /// The key, or the account it belongs to, is not accepted.
    Credentials,
    /// There is not enough money on it.
    Money,
    /// It has sent as many messages today as it may.
    DailyLimit,
    /// It has no sender name.
    Sender,
}

/// How a check by phone call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallCheckState {
    /// Nobody has called yet.
    Waiting,
    /// The number called.
    Confirmed,
    /// The time for the call is over, or there is no such check.
    Expired,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Code {
    /// The number.
    pub code: i32,
    /// Where it was seen or is documented.
    pub levels: &'static [Level],
    /// What follows from it.
    pub meaning: Meaning,
    /// It in plain English.
    pub en: &'static str,
    /// It in plain Russian.
    pub ru: &'static str,
}

/// What is said of a code the table does not have.
pub(crate) const UNKNOWN: &str = "sms.ru refused with a code this version does not know";

/// The same of a code about an accepted message.
pub(crate) const UNKNOWN_DELIVERY: &str = "sms.ru gave a delivery code this version does not know";

/// The row of this code at this level; `None` for a code this version does not know there.
pub fn find(code: i32, level: Level) -> Option<&'static Code> {
    TABLE.iter().find(|row| row.code == code && row.levels.contains(&level))
}

/// The row of a refusal by `sms/send`. A code documented at only one of the two levels of a reply
/// means the same at the other: it moved before, and one user's mishap must not be read as an
/// unknown state of the account.
pub fn of_sending(code: i32, level: Level) -> Option<&'static Code> {
    let found = find(code, level)
        .or_else(|| find(code, Level::Recipient))
        .or_else(|| find(code, Level::Request));
    found.filter(|row| row.meaning != Meaning::Success)
}

/// The row of a refusal by any method, wherever it is documented.
pub fn of_refusal(code: i32) -> Option<&'static Code> {
    TABLE.iter().find(|row| row.code == code && !matches!(row.meaning, Success | Receipt(_)))
}

/// What a delivery code says; `None` for one that says nothing about a message. A code this version
/// does not know is one more step on the way: the end of a message is not taken from a number
/// nobody can read.
pub fn of_delivery(code: i32) -> Option<ReceiptState> {
    match find(code, Level::Delivery).map(|row| row.meaning) {
        Some(Receipt(state)) => Some(state),
        Some(_) => None,
        None => Some(InTransit),
    }
}

const R: &[Level] = &[Level::Request];
const S: &[Level] = &[Level::Recipient];
const RS: &[Level] = &[Level::Request, Level::Recipient];
const D: &[Level] = &[Level::Delivery];
const C: &[Level] = &[Level::Callback];
const K: &[Level] = &[Level::CallCheck];

const MINUTE: Meaning = Repeated { within: Duration::from_mins(1) };
const DAY: Meaning = throttled(6 * 3600, false);
const CODES: Meaning = throttled(5 * 60, true);
const FRAUD: Meaning = throttled(10 * 60, true);

const fn throttled(seconds: u64, final_for_otp: bool) -> Meaning {
    Meaning::Throttled { wait: Duration::from_secs(seconds), final_for_otp }
}

const fn row(
    code: i32,
    levels: &'static [Level],
    meaning: Meaning,
    en: &'static str,
    ru: &'static str,
) -> Code {
    Code { code, levels, meaning, en, ru }
}

/// Every code that is documented or was seen.
#[rustfmt::skip]
pub const TABLE: &[Code] = &[
    row(-1, D, NotFound, "sms.ru does not know a message with this id",
        "Сообщение с таким номером не найдено"),
    row(100, R, Success, "the request was carried out",
        "Запрос выполнен"),
    row(100, S, Success, "sms.ru accepted the message",
        "Сообщение принято к отправке"),
    row(100, D, Receipt(InTransit), "the message waits in sms.ru's queue",
        "Сообщение в очереди sms.ru"),
    row(101, D, Receipt(InTransit), "the message is being passed to the operator",
        "Сообщение передаётся оператору"),
    row(102, D, Receipt(InTransit), "the message is on its way",
        "Сообщение отправлено, в пути"),
    row(103, D, Receipt(Delivered), "the message was delivered",
        "Сообщение доставлено"),
    row(104, D, Receipt(Undelivered), "not delivered: its lifetime is over",
        "Не доставлено: время жизни истекло"),
    row(105, D, Receipt(Undelivered), "not delivered: the operator deleted it",
        "Не доставлено: удалено оператором"),
    row(106, D, Receipt(Undelivered), "not delivered: fault in the phone",
        "Не доставлено: сбой в телефоне"),
    row(107, D, Receipt(Undelivered), "not delivered: the reason is unknown",
        "Не доставлено: причина неизвестна"),
    row(108, D, Receipt(Undelivered), "not delivered: rejected",
        "Не доставлено: отклонено"),
    row(110, D, Receipt(Delivered), "the message was read",
        "Сообщение прочитано"),
    row(150, D, Receipt(Undelivered), "not delivered: there is no route to the number",
        "Не доставлено: нет маршрута до этого номера"),
    row(200, R, Blocked(Credentials), "sms.ru does not know this API id",
        "Неправильный api_id"),
    row(201, RS, Blocked(Money), "not enough money on the account",
        "Не хватает средств на счету"),
    row(202, RS, Rejected, "the recipient's number is wrong, or there is no route to it",
        "Неправильный номер получателя, или до него нет маршрута"),
    row(203, RS, Rejected, "the message has no text",
        "Нет текста сообщения"),
    row(204, RS, Rejected, "the recipient's operator is not connected for this sender name",
        "Оператор получателя не подключён для этого имени отправителя"),
    row(205, RS, Rejected, "the message is longer than 8 parts",
        "Сообщение длиннее 8 SMS"),
    row(206, RS, Blocked(DailyLimit), "the account's daily limit of messages is reached",
        "Достигнут дневной лимит сообщений"),
    row(207, S, Rejected, "there is no route to this number",
        "До этого номера нет маршрута"),
    row(208, R, Rejected, "the time of sending is wrong",
        "Неправильное время отправки"),
    row(209, S, Rejected, "the number is in your stop-list at sms.ru",
        "Номер в вашем стоп-листе на sms.ru"),
    row(210, R, Rejected, "GET was used where POST is required",
        "Использован GET там, где нужен POST"),
    row(211, R, Rejected, "sms.ru does not know this method",
        "Метод не найден"),
    row(212, R, Rejected, "the text is not UTF-8",
        "Текст не в кодировке UTF-8"),
    row(213, R, Rejected, "too many numbers in one request",
        "Слишком много номеров в одном запросе"),
    row(214, S, Rejected, "a foreign number, while the account sends to Russia only",
        "Номер зарубежный, а в настройках включена отправка только по России"),
    row(215, S, Rejected, "the number is in sms.ru's own stop-list: its owner complained of spam",
        "Номер в общем стоп-листе sms.ru: абонент пожаловался на спам"),
    row(216, RS, Rejected, "the text holds a forbidden word",
        "В тексте есть запрещённое слово"),
    row(217, RS, Rejected, "an advert of credit without the phrase the law demands",
        "В рекламе кредита нет обязательной по закону фразы"),
    row(220, RS, Busy, "sms.ru is temporarily unavailable",
        "Сервис sms.ru временно недоступен"),
    // Recorded from the live server at this level, in June 2026.
    row(221, S, Blocked(Sender), "the account must first create a sender name",
        "Сначала нужно создать буквенное имя отправителя"),
    row(222, S, Rejected, "the operator takes approved templates only, and the text matches none",
        "Оператор принимает только согласованные шаблоны, а текст не подходит ни к одному"),
    row(230, S, DAY, "too many messages to this number today",
        "На этот номер сегодня отправлено слишком много сообщений"),
    row(231, S, MINUTE, "too many identical messages to this number within a minute",
        "Слишком много одинаковых сообщений на этот номер за минуту"),
    row(232, S, DAY, "too many identical messages to this number today",
        "Слишком много одинаковых сообщений на этот номер за день"),
    row(233, S, CODES, "too many repeated codes to this number in a short time",
        "Слишком частая отправка кодов на этот номер"),
    row(300, R, Blocked(Credentials), "the token is wrong or expired, or the IP address has changed",
        "Токен неправильный или истёк, либо сменился IP-адрес"),
    row(301, R, Blocked(Credentials), "the API id, or the login and password, are wrong",
        "Неправильный api_id либо логин и пароль"),
    row(302, R, Blocked(Credentials), "the account is not confirmed yet",
        "Аккаунт ещё не подтверждён"),
    // The next three are for sign-in forms; from `sms/send` they would be about the account.
    row(303, R, Blocked(Credentials), "the confirmation code of the account is wrong",
        "Неправильный код подтверждения аккаунта"),
    row(304, R, Blocked(Credentials), "too many confirmation codes were sent",
        "Отправлено слишком много кодов подтверждения"),
    row(305, R, Blocked(Credentials), "a wrong confirmation code was entered too often",
        "Слишком много неверных вводов кода подтверждения"),
    row(400, K, Meaning::CallCheck(CallCheckState::Waiting), "nobody has called yet",
        "Звонка ещё не было"),
    row(401, K, Meaning::CallCheck(CallCheckState::Confirmed), "the number is confirmed by a call",
        "Номер подтверждён звонком"),
    row(402, K, Meaning::CallCheck(CallCheckState::Expired), "the time for the call is over, or the id of the check is wrong",
        "Время на звонок истекло, либо неверный номер проверки"),
    row(500, RS, Busy, "sms.ru had an error of its own",
        "Ошибка на сервере sms.ru"),
    row(501, RS, FRAUD, "limit: the user's IP address belongs to the TOR network",
        "Ограничение: IP-адрес пользователя из сети TOR"),
    row(502, RS, FRAUD, "limit: the user's IP address is not of the number's country",
        "Ограничение: IP-адрес пользователя не из страны номера"),
    row(503, RS, FRAUD, "limit: too many messages to this country",
        "Ограничение: слишком много сообщений в эту страну"),
    row(504, RS, FRAUD, "limit: too many codes to foreign numbers",
        "Ограничение: слишком много кодов на зарубежные номера"),
    row(505, RS, FRAUD, "limit: too many messages for one user's IP address",
        "Ограничение: слишком много сообщений для одного IP-адреса пользователя"),
    row(506, RS, FRAUD, "limit: the user's IP address belongs to a hosting company",
        "Ограничение: IP-адрес пользователя принадлежит хостингу"),
    row(507, RS, Rejected, "the user's IP address is malformed or private",
        "IP-адрес пользователя неправильный или из частной сети"),
    row(508, R, FRAUD, "limit: too many calls within five minutes",
        "Ограничение: слишком много звонков за пять минут"),
    row(550, RS, Rejected, "the number's country is blocked for safety",
        "Страна номера заблокирована в целях безопасности"),
    row(901, C, Rejected, "the callback address does not begin with http:// or https://",
        "Адрес обработчика не начинается с http:// или https://"),
    row(902, C, NotFound, "there is no such callback address",
        "Такого обработчика нет"),
];
