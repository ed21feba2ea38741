use std::collections::HashSet;
use std::time::Duration;

use sms_core::{Class, OutcomeClass, ReceiptState};
use sms_smsru::code::{
    BlockReason, CallCheckState, Level, Meaning, TABLE, delivery_state, find, send_refusal,
};

use crate::support::{PHONE, ReplyServer, message};

/// Every code of the official list of August 2026, with the expected outcome of `sms/send` for a
/// recipient: the class, the class for a one-time code, the retry delay in seconds.
const SENDING: &[(i32, &str, &str, Option<u64>)] = &[
    (200, "blocked", "blocked", None),
    (201, "blocked", "blocked", None),
    (202, "rejected", "rejected", None),
    (203, "rejected", "rejected", None),
    (204, "rejected", "rejected", None),
    (205, "rejected", "rejected", None),
    (206, "blocked", "blocked", None),
    (207, "rejected", "rejected", None),
    (208, "rejected", "rejected", None),
    (209, "rejected", "rejected", None),
    (210, "rejected", "rejected", None),
    (211, "rejected", "rejected", None),
    (212, "rejected", "rejected", None),
    (213, "rejected", "rejected", None),
    (214, "rejected", "rejected", None),
    (215, "rejected", "rejected", None),
    (216, "rejected", "rejected", None),
    (217, "rejected", "rejected", None),
    (220, "deferred", "deferred", Some(10)),
    (221, "blocked", "blocked", None),
    (222, "rejected", "rejected", None),
    (230, "deferred", "deferred", Some(21_600)),
    (231, "deferred", "deferred", Some(60)),
    (232, "deferred", "deferred", Some(21_600)),
    (233, "deferred", "rejected", Some(300)),
    (300, "blocked", "blocked", None),
    (301, "blocked", "blocked", None),
    (302, "blocked", "blocked", None),
    (303, "blocked", "blocked", None),
    (304, "blocked", "blocked", None),
    (305, "blocked", "blocked", None),
    (500, "deferred", "deferred", Some(10)),
    (501, "deferred", "rejected", Some(600)),
    (502, "deferred", "rejected", Some(600)),
    (503, "deferred", "rejected", Some(600)),
    (504, "deferred", "rejected", Some(600)),
    (505, "deferred", "rejected", Some(600)),
    (506, "deferred", "rejected", Some(600)),
    (507, "rejected", "rejected", None),
    (508, "deferred", "rejected", Some(600)),
    (550, "rejected", "rejected", None),
];

const IN_TRANSIT: Meaning = Meaning::Receipt(ReceiptState::InTransit);
const DELIVERED: Meaning = Meaning::Receipt(ReceiptState::Delivered);
const UNDELIVERED: Meaning = Meaning::Receipt(ReceiptState::Undelivered);
const CREDENTIALS: Meaning = Meaning::Blocked(BlockReason::Credentials);
const REPEATED: Meaning = Meaning::Repeated { within: Duration::from_mins(1) };
const DAY: Meaning = throttled(6 * 3600, false);
const CODES: Meaning = throttled(300, true);
const FRAUD: Meaning = throttled(600, true);

const fn throttled(seconds: u64, final_for_otp: bool) -> Meaning {
    Meaning::Throttled { retry_after: Duration::from_secs(seconds), final_for_otp }
}

/// The official list of August 2026: the code, its levels (R, S, D, C, K), and its meaning.
#[rustfmt::skip]
const LIST: &[(i32, &str, Meaning)] = &[
    (-1, "D", Meaning::NotFound),
    (100, "RS", Meaning::Success), (100, "D", IN_TRANSIT), (101, "D", IN_TRANSIT),
    (102, "D", IN_TRANSIT),
    (103, "D", DELIVERED), (104, "D", UNDELIVERED), (105, "D", UNDELIVERED),
    (106, "D", UNDELIVERED),
    (107, "D", UNDELIVERED), (108, "D", UNDELIVERED), (110, "D", DELIVERED),
    (150, "D", UNDELIVERED),
    (200, "R", CREDENTIALS), (201, "RS", Meaning::Blocked(BlockReason::Money)),
    (202, "RS", Meaning::Rejected),
    (203, "RS", Meaning::Rejected), (204, "RS", Meaning::Rejected), (205, "RS", Meaning::Rejected),
    (206, "RS", Meaning::Blocked(BlockReason::DailyLimit)), (207, "S", Meaning::Rejected),
    (208, "R", Meaning::Rejected),
    (209, "S", Meaning::Rejected), (210, "R", Meaning::Rejected), (211, "R", Meaning::Rejected),
    (212, "R", Meaning::Rejected), (213, "R", Meaning::Rejected), (214, "S", Meaning::Rejected),
    (215, "S", Meaning::Rejected), (216, "RS", Meaning::Rejected), (217, "RS", Meaning::Rejected),
    (220, "RS", Meaning::Busy), (221, "S", Meaning::Blocked(BlockReason::Sender)),
    (222, "S", Meaning::Rejected),
    (230, "S", DAY), (231, "S", REPEATED), (232, "S", DAY), (233, "S", CODES),
    (300, "R", CREDENTIALS), (301, "R", CREDENTIALS), (302, "R", CREDENTIALS),
    (303, "R", CREDENTIALS),
    (304, "R", CREDENTIALS), (305, "R", CREDENTIALS),
    (400, "K", Meaning::CallCheck(CallCheckState::Waiting)),
    (401, "K", Meaning::CallCheck(CallCheckState::Confirmed)),
    (402, "K", Meaning::CallCheck(CallCheckState::Expired)),
    (500, "RS", Meaning::Busy), (501, "RS", FRAUD), (502, "RS", FRAUD), (503, "RS", FRAUD),
    (504, "RS", FRAUD),
    (505, "RS", FRAUD), (506, "RS", FRAUD), (507, "RS", Meaning::Rejected), (508, "R", FRAUD),
    (550, "RS", Meaning::Rejected), (901, "C", Meaning::Rejected), (902, "C", Meaning::NotFound),
];

fn level(letter: char) -> Level {
    match letter {
        'R' => Level::Request,
        'S' => Level::Recipient,
        'D' => Level::Delivery,
        'C' => Level::Callback,
        _ => Level::CallCheck,
    }
}

#[test]
fn every_documented_code_means_what_the_list_says_at_its_levels_and_nowhere_else() {
    let listed: HashSet<(i32, Level)> = LIST
        .iter()
        .flat_map(|(code, levels, _)| levels.chars().map(|l| (*code, level(l))))
        .collect();
    let table: HashSet<(i32, Level)> =
        TABLE.iter().flat_map(|row| row.levels.iter().map(|level| (row.code, *level))).collect();
    assert_eq!(table, listed);
    for (code, levels, meaning) in LIST {
        for letter in levels.chars() {
            assert_eq!(
                find(*code, level(letter)).map(|row| row.meaning),
                Some(*meaning),
                "{code} {letter}"
            );
        }
    }
}

#[test]
fn a_refusal_of_sending_is_understood_at_either_level() {
    for (code, ..) in SENDING {
        assert!(send_refusal(*code, Level::Recipient).is_some(), "{code}");
        assert!(send_refusal(*code, Level::Request).is_some(), "{code}");
    }
}

#[test]
fn a_delivery_code_nobody_knows_is_not_the_end_of_a_message() {
    assert_eq!(delivery_state(199), Some(ReceiptState::InTransit));
    assert_eq!(delivery_state(-1), None);
}

#[test]
fn no_code_stands_twice_at_one_level() {
    let mut seen = HashSet::new();
    for row in TABLE {
        assert!(!row.levels.is_empty());
        for level in row.levels {
            assert!(seen.insert((row.code, level)), "{} at {level:?}", row.code);
        }
    }
}

#[test]
fn every_code_has_words_in_both_languages() {
    for row in TABLE {
        assert!(!row.en.is_empty() && row.en.is_ascii() && !row.en.ends_with('.'), "{}", row.code);
        assert!(
            row.ru.chars().any(|c| ('а'..='я').contains(&c)) && !row.ru.ends_with('.'),
            "{}",
            row.code
        );
    }
}

#[test]
fn a_success_is_never_taken_for_a_refusal() {
    assert_eq!(send_refusal(100, Level::Recipient), None);
    assert_eq!(find(100, Level::Request).map(|row| row.meaning), Some(Meaning::Success));
}

/// Builds a reply that refuses [`PHONE`] with this code.
fn refused_recipient(code: i32) -> String {
    let sms = format!(r#"{{"{PHONE}":{{"status":"ERROR","status_code":{code}}}}}"#);
    format!(r#"{{"status":"OK","status_code":100,"sms":{sms}}}"#)
}

#[tokio::test]
async fn each_code_about_a_recipient_gives_its_class_and_wait() {
    let server = ReplyServer::start().await;
    for (code, service, otp, wait) in SENDING {
        let body = refused_recipient(*code);
        check(&server, &body, *code, Class::Service, service, *wait).await;
        check(&server, &body, *code, Class::Otp, otp, wait.filter(|_| otp == service)).await;
    }
}

#[tokio::test]
async fn each_code_about_a_request_of_one_message_gives_its_class_and_wait() {
    let server = ReplyServer::start().await;
    for (code, service, otp, wait) in SENDING {
        let body = format!(r#"{{"status":"ERROR","status_code":{code}}}"#);
        check(&server, &body, *code, Class::Service, service, *wait).await;
        check(&server, &body, *code, Class::Otp, otp, wait.filter(|_| otp == service)).await;
    }
}

async fn check(
    server: &ReplyServer,
    body: &str,
    code: i32,
    class: Class,
    expected: &str,
    wait: Option<u64>,
) {
    let mut submission = message(PHONE, "hi");
    submission.class = class;
    let outcome = server.submit(body, &[submission]).await.remove(0);
    assert_eq!((outcome.class.as_str(), outcome.code), (expected, Some(code)), "{class:?}");
    assert_eq!(outcome.retry_after, wait.map(Duration::from_secs), "{code}");
    assert_eq!(
        outcome.outage,
        matches!(code, 220 | 500),
        "{code} is about the service or about the message"
    );
    let evidence = outcome.repeated_within.map(|within| within.as_secs());
    assert_eq!(
        evidence,
        (code == 231).then_some(75),
        "{code}: its minute and the 15 s of the timeout"
    );
    assert_eq!(outcome.text.as_deref(), send_refusal(code, Level::Recipient).map(|row| row.en));
}

#[tokio::test]
async fn a_code_nobody_knows_fails_one_message_but_pauses_for_a_request() {
    let about_one = refused_recipient(299);
    let server = ReplyServer::start().await;
    for (body, class) in [
        (&*about_one, OutcomeClass::Rejected),
        (r#"{"status":"ERROR","status_code":299}"#, OutcomeClass::Blocked),
    ] {
        let outcome = server.submit(body, &[message(PHONE, "hi")]).await.remove(0);
        assert_eq!((outcome.class, outcome.code), (class, Some(299)));
    }
}
