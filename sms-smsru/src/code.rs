//! The codes of sms.ru and their meanings: one table for replies, receipts and texts for people.
//!
//! The source is the official list of codes, as of August 2026. It does not say at which level of a
//! JSON reply a code appears. The levels here come from the official samples and from replies
//! recorded from the live server in June 2026. [`send_refusal`] does not depend on them.

use std::time::Duration;

use sms_core::Explanation;
use sms_core::ReceiptState::{self, Delivered, InTransit, Undelivered};

use BlockReason::{Credentials, DailyLimit, Money, Sender};
use Meaning::{Blocked, Busy, NotFound, Receipt, Rejected, Repeated, Success};

/// The place of a code in a reply or a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// The top of a reply: about the whole request.
    Request,
    /// An entry in the reply of `sms/send` or `sms/cost`: about one recipient.
    Recipient,
    /// A status query or a callback: about an accepted message.
    Delivery,
    /// The reply to the registration of a callback address.
    Callback,
    /// A check by phone call.
    CallCheck,
}

/// The meaning of a code, as far as the client acts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Success.
    Success,
    /// A permanent refusal.
    Rejected,
    /// A temporary refusal of this recipient.
    Throttled {
        /// The shortest useful delay before a retry. sms.ru names the period of a limit but not its
        /// end, so the values are chosen here: the period itself, or 6 h if the period is a day.
        retry_after: Duration,
        /// A one-time code is not retried: sms.ru suspects fraud, or the code would be too late.
        final_for_otp: bool,
    },
    /// A temporary refusal because sms.ru accepted the same text for the same number a short time
    /// ago.
    Repeated {
        /// The longest time since that acceptance, and the delay before a retry.
        within: Duration,
    },
    /// A temporary failure of the service. The documentation says to repeat.
    Busy,
    /// A refusal of the account, until a person intervenes or a new day begins.
    Blocked(BlockReason),
    /// A delivery status.
    Receipt(ReceiptState),
    /// The state of a check by phone call.
    CallCheck(CallCheckState),
    /// An unknown id or address. Says nothing about a message.
    NotFound,
}

/// The reason why an account is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlockReason {
    /// The credentials, or the account they belong to, are not accepted.
    Credentials,
    /// The account has not enough money.
    Money,
    /// The daily limit of messages is used up.
    DailyLimit,
    /// The account has no sender name.
    Sender,
}

/// The state of a check by phone call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallCheckState {
    /// No call so far.
    Waiting,
    /// The number has called.
    Confirmed,
    /// The time for the call is over, or the id of the check is unknown.
    Expired,
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Code {
    /// The code.
    pub code: i32,
    /// The levels at which it was recorded or is documented.
    pub levels: &'static [Level],
    /// The meaning.
    pub meaning: Meaning,
    /// The description in plain English.
    pub en: &'static str,
    /// The description in plain Russian.
    pub ru: &'static str,
}

/// The description of an unknown code of a refusal.
pub(crate) const UNKNOWN_REFUSAL: &str = "sms.ru refused with a code this version does not know";

/// The description of an unknown delivery code.
pub(crate) const UNKNOWN_DELIVERY: &str = "sms.ru gave a delivery code this version does not know";

/// Finds the row of a code at this level; `None` for a code that is unknown there.
pub fn find(code: i32, level: Level) -> Option<&'static Code> {
    TABLE.iter().find(|row| row.code == code && row.levels.contains(&level))
}

/// Finds the row of a refusal by `sms/send`. A code that is documented at only one of the two
/// levels of a reply means the same at the other level: codes have moved before, and a refusal of
/// one message must not count as an unknown state of the account.
pub fn send_refusal(code: i32, level: Level) -> Option<&'static Code> {
    let found = find(code, level)
        .or_else(|| find(code, Level::Recipient))
        .or_else(|| find(code, Level::Request));
    found.filter(|row| row.meaning != Meaning::Success)
}

/// Returns the meaning of a code of a message, in plain words.
pub fn explain(code: i32) -> Option<Explanation> {
    let row = send_refusal(code, Level::Recipient).or_else(|| find(code, Level::Delivery))?;
    Some(Explanation::new(row.en, row.ru))
}

/// Finds the row of a refusal by any method, at any level.
pub fn any_refusal(code: i32) -> Option<&'static Code> {
    TABLE.iter().find(|row| row.code == code && !matches!(row.meaning, Success | Receipt(_)))
}

/// Returns the meaning of a delivery code; `None` for a code that says nothing about a message. An
/// unknown code means that the message is in transit, because a final state must be certain.
pub fn delivery_state(code: i32) -> Option<ReceiptState> {
    match find(code, Level::Delivery).map(|row| row.meaning) {
        Some(Receipt(state)) => Some(state),
        Some(_) => None,
        None => Some(InTransit),
    }
}

/// Returns the meaning of a code about a check by phone call; `None` for an unknown code.
pub fn call_check_state(code: i32) -> Option<CallCheckState> {
    match find(code, Level::CallCheck).map(|row| row.meaning) {
        Some(Meaning::CallCheck(state)) => Some(state),
        _ => None,
    }
}

const REQUEST: &[Level] = &[Level::Request];
const RECIPIENT: &[Level] = &[Level::Recipient];
const BOTH: &[Level] = &[Level::Request, Level::Recipient];
const DELIVERY: &[Level] = &[Level::Delivery];
const CALLBACK: &[Level] = &[Level::Callback];
const CALL_CHECK: &[Level] = &[Level::CallCheck];

const SAME_TEXT_THIS_MINUTE: Meaning = Repeated { within: Duration::from_mins(1) };
const DAILY_PER_NUMBER: Meaning = throttled(Duration::from_hours(6), false);
const TOO_MANY_OTPS: Meaning = throttled(Duration::from_mins(5), true);
const FRAUD: Meaning = throttled(Duration::from_mins(10), true);

const fn throttled(retry_after: Duration, final_for_otp: bool) -> Meaning {
    Meaning::Throttled { retry_after, final_for_otp }
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

/// All codes that are documented or were recorded.
#[rustfmt::skip]
pub const TABLE: &[Code] = &[
    row(-1, DELIVERY, NotFound, "sms.ru does not know a message with this id",
        "Сообщение с таким номером не найдено"),
    row(100, REQUEST, Success, "the request was carried out",
        "Запрос выполнен"),
    row(100, RECIPIENT, Success, "sms.ru accepted the message",
        "Сообщение принято к отправке"),
    row(100, DELIVERY, Receipt(InTransit), "the message waits in sms.ru's queue",
        "Сообщение в очереди sms.ru"),
    row(101, DELIVERY, Receipt(InTransit), "the message is being passed to the operator",
        "Сообщение передаётся оператору"),
    row(102, DELIVERY, Receipt(InTransit), "the message is on its way",
        "Сообщение отправлено, в пути"),
    row(103, DELIVERY, Receipt(Delivered), "the message was delivered",
        "Сообщение доставлено"),
    row(104, DELIVERY, Receipt(Undelivered), "not delivered: its lifetime is over",
        "Не доставлено: время жизни истекло"),
    row(105, DELIVERY, Receipt(Undelivered), "not delivered: the operator deleted it",
        "Не доставлено: удалено оператором"),
    row(106, DELIVERY, Receipt(Undelivered), "not delivered: fault in the phone",
        "Не доставлено: сбой в телефоне"),
    row(107, DELIVERY, Receipt(Undelivered), "not delivered: the reason is unknown",
        "Не доставлено: причина неизвестна"),
    row(108, DELIVERY, Receipt(Undelivered), "not delivered: rejected",
        "Не доставлено: отклонено"),
    row(110, DELIVERY, Receipt(Delivered), "the message was read",
        "Сообщение прочитано"),
    row(150, DELIVERY, Receipt(Undelivered), "not delivered: there is no route to the number",
        "Не доставлено: нет маршрута до этого номера"),
    row(200, REQUEST, Blocked(Credentials), "sms.ru does not know this API id",
        "Неправильный api_id"),
    row(201, BOTH, Blocked(Money), "not enough money on the account",
        "Не хватает средств на счету"),
    row(202, BOTH, Rejected, "the recipient's number is wrong, or there is no route to it",
        "Неправильный номер получателя, или до него нет маршрута"),
    row(203, BOTH, Rejected, "the message has no text",
        "Нет текста сообщения"),
    row(204, BOTH, Rejected, "the recipient's operator is not connected for this sender name",
        "Оператор получателя не подключён для этого имени отправителя"),
    row(205, BOTH, Rejected, "the message is longer than 8 parts",
        "Сообщение длиннее 8 SMS"),
    row(206, BOTH, Blocked(DailyLimit), "the account's daily limit of messages is reached",
        "Достигнут дневной лимит сообщений"),
    row(207, RECIPIENT, Rejected, "there is no route to this number",
        "До этого номера нет маршрута"),
    row(208, REQUEST, Rejected, "the time of sending is wrong",
        "Неправильное время отправки"),
    row(209, RECIPIENT, Rejected, "the number is in your stop-list at sms.ru",
        "Номер в вашем стоп-листе на sms.ru"),
    row(210, REQUEST, Rejected, "GET was used where POST is required",
        "Использован GET там, где нужен POST"),
    row(211, REQUEST, Rejected, "sms.ru does not know this method",
        "Метод не найден"),
    row(212, REQUEST, Rejected, "the text is not UTF-8",
        "Текст не в кодировке UTF-8"),
    row(213, REQUEST, Rejected, "too many numbers in one request",
        "Слишком много номеров в одном запросе"),
    row(214, RECIPIENT, Rejected, "a foreign number, while the account sends to Russia only",
        "Номер зарубежный, а в настройках включена отправка только по России"),
    row(215, RECIPIENT, Rejected,
        "the number is in sms.ru's own stop-list: its owner complained of spam",
        "Номер в общем стоп-листе sms.ru: абонент пожаловался на спам"),
    row(216, BOTH, Rejected, "the text holds a forbidden word",
        "В тексте есть запрещённое слово"),
    row(217, BOTH, Rejected, "a credit advertisement without the phrase that the law requires",
        "В рекламе кредита нет обязательной по закону фразы"),
    row(220, BOTH, Busy, "sms.ru is temporarily unavailable",
        "Сервис sms.ru временно недоступен"),
    // Recorded from the live server at this level, in June 2026.
    row(221, RECIPIENT, Blocked(Sender), "the account must first create a sender name",
        "Сначала нужно создать буквенное имя отправителя"),
    row(222, RECIPIENT, Rejected,
        "the operator takes approved templates only, and the text matches none",
        "Оператор принимает только согласованные шаблоны, а текст не подходит ни к одному"),
    row(230, RECIPIENT, DAILY_PER_NUMBER, "too many messages to this number today",
        "На этот номер сегодня отправлено слишком много сообщений"),
    row(231, RECIPIENT, SAME_TEXT_THIS_MINUTE,
        "too many identical messages to this number within a minute",
        "Слишком много одинаковых сообщений на этот номер за минуту"),
    row(232, RECIPIENT, DAILY_PER_NUMBER, "too many identical messages to this number today",
        "Слишком много одинаковых сообщений на этот номер за день"),
    row(233, RECIPIENT, TOO_MANY_OTPS, "too many repeated codes to this number in a short time",
        "Слишком частая отправка кодов на этот номер"),
    row(300, REQUEST, Blocked(Credentials),
        "the token is wrong or expired, or the IP address has changed",
        "Токен неправильный или истёк, либо сменился IP-адрес"),
    row(301, REQUEST, Blocked(Credentials), "the API id, or the login and password, are wrong",
        "Неправильный api_id либо логин и пароль"),
    row(302, REQUEST, Blocked(Credentials), "the account is not confirmed yet",
        "Аккаунт ещё не подтверждён"),
    // The next three codes belong to sign-in forms. From `sms/send` they are about the account.
    row(303, REQUEST, Blocked(Credentials), "the confirmation code of the account is wrong",
        "Неправильный код подтверждения аккаунта"),
    row(304, REQUEST, Blocked(Credentials), "too many confirmation codes were sent",
        "Отправлено слишком много кодов подтверждения"),
    row(305, REQUEST, Blocked(Credentials), "a wrong confirmation code was entered too often",
        "Слишком много неверных вводов кода подтверждения"),
    row(400, CALL_CHECK, Meaning::CallCheck(CallCheckState::Waiting), "no call so far",
        "Звонка ещё не было"),
    row(401, CALL_CHECK, Meaning::CallCheck(CallCheckState::Confirmed),
        "the number is confirmed by a call",
        "Номер подтверждён звонком"),
    row(402, CALL_CHECK, Meaning::CallCheck(CallCheckState::Expired),
        "the time for the call is over, or the id of the check is wrong",
        "Время на звонок истекло, либо неверный номер проверки"),
    row(500, BOTH, Busy, "sms.ru had an internal error",
        "Ошибка на сервере sms.ru"),
    row(501, BOTH, FRAUD, "limit: the user's IP address belongs to the TOR network",
        "Ограничение: IP-адрес пользователя из сети TOR"),
    row(502, BOTH, FRAUD, "limit: the user's IP address is not of the number's country",
        "Ограничение: IP-адрес пользователя не из страны номера"),
    row(503, BOTH, FRAUD, "limit: too many messages to this country",
        "Ограничение: слишком много сообщений в эту страну"),
    row(504, BOTH, FRAUD, "limit: too many codes to foreign numbers",
        "Ограничение: слишком много кодов на зарубежные номера"),
    row(505, BOTH, FRAUD, "limit: too many messages for one user's IP address",
        "Ограничение: слишком много сообщений для одного IP-адреса пользователя"),
    row(506, BOTH, FRAUD, "limit: the user's IP address belongs to a hosting company",
        "Ограничение: IP-адрес пользователя принадлежит хостингу"),
    row(507, BOTH, Rejected, "the user's IP address is malformed or private",
        "IP-адрес пользователя неправильный или из частной сети"),
    row(508, REQUEST, FRAUD, "limit: too many calls within five minutes",
        "Ограничение: слишком много звонков за пять минут"),
    row(550, BOTH, Rejected, "the number's country is blocked for safety",
        "Страна номера заблокирована в целях безопасности"),
    row(901, CALLBACK, Rejected, "the callback address does not begin with http:// or https://",
        "Адрес обработчика не начинается с http:// или https://"),
    row(902, CALLBACK, NotFound, "there is no such callback address",
        "Такого обработчика нет"),
];
