use std::collections::HashSet;
use std::time::Duration;

use sms_core::{Class, OutcomeClass};
use sms_smsru::code::{Level, Meaning, TABLE, find, of_sending};

use crate::support::{PHONE, Told, message};

/// Every code of sms.ru's list of August 2026 and what `sms/send` must make of it, about a recipient:
/// the class, the class for a one-time code, the wait in seconds.
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

const OTHER: &[(i32, Level)] = &[
    (-1, Level::Delivery),
    (100, Level::Request),
    (100, Level::Recipient),
    (100, Level::Delivery),
    (101, Level::Delivery),
    (102, Level::Delivery),
    (103, Level::Delivery),
    (104, Level::Delivery),
    (105, Level::Delivery),
    (106, Level::Delivery),
    (107, Level::Delivery),
    (108, Level::Delivery),
    (110, Level::Delivery),
    (150, Level::Delivery),
    (400, Level::CallCheck),
    (401, Level::CallCheck),
    (402, Level::CallCheck),
    (901, Level::Callback),
    (902, Level::Callback),
];

#[test]
fn every_documented_code_is_in_the_table_and_nothing_else_is() {
    let listed: HashSet<i32> = SENDING.iter().map(|row| row.0).chain(OTHER.iter().map(|row| row.0)).collect();
    let table: HashSet<i32> = TABLE.iter().map(|row| row.code).collect();
    assert_eq!(table, listed);
    for (code, level) in OTHER {
        assert!(find(*code, *level).is_some(), "{code} at {level:?}");
    }
    for (code, ..) in SENDING {
        assert!(
            of_sending(*code, Level::Recipient).is_some() && of_sending(*code, Level::Request).is_some(),
            "{code}"
        );
    }
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
        assert!(row.ru.chars().any(|c| ('а'..='я').contains(&c)) && !row.ru.ends_with('.'), "{}", row.code);
    }
}

#[test]
fn a_success_is_never_taken_for_a_refusal() {
    assert_eq!(of_sending(100, Level::Recipient), None);
    assert_eq!(find(100, Level::Request).map(|row| row.meaning), Some(Meaning::Success));
}

#[tokio::test]
async fn each_code_about_a_recipient_gives_its_class_and_wait() {
    let told = Told::start().await;
    for (code, service, otp, wait) in SENDING {
        let body = format!(
            r#"{{"status":"OK","status_code":100,"sms":{{"{PHONE}":{{"status":"ERROR","status_code":{code}}}}}}}"#
        );
        check(&told, &body, *code, Class::Service, service, *wait).await;
        check(&told, &body, *code, Class::Otp, otp, wait.filter(|_| otp == service)).await;
    }
}

#[tokio::test]
async fn each_code_about_a_request_of_one_message_gives_its_class_and_wait() {
    let told = Told::start().await;
    for (code, service, otp, wait) in SENDING {
        let body = format!(r#"{{"status":"ERROR","status_code":{code}}}"#);
        check(&told, &body, *code, Class::Service, service, *wait).await;
        check(&told, &body, *code, Class::Otp, otp, wait.filter(|_| otp == service)).await;
    }
}

async fn check(told: &Told, body: &str, code: i32, class: Class, expected: &str, wait: Option<u64>) {
    let mut submission = message(PHONE, "hi");
    submission.class = class;
    let outcome = told.answer(body, &[submission]).await.remove(0);
    assert_eq!((outcome.class.as_str(), outcome.code), (expected, Some(code)), "{class:?}");
    assert_eq!(outcome.retry_after, wait.map(Duration::from_secs), "{code}");
    assert_eq!(outcome.text.as_deref(), of_sending(code, Level::Recipient).map(|row| row.en));
}

#[tokio::test]
async fn a_code_nobody_knows_fails_one_message_but_pauses_for_a_request() {
    let about_one = format!(
        r#"{{"status":"OK","status_code":100,"sms":{{"{PHONE}":{{"status":"ERROR","status_code":299}}}}}}"#
    );
    let told = Told::start().await;
    for (body, class) in [
        (&*about_one, OutcomeClass::Rejected),
        (r#"{"status":"ERROR","status_code":299}"#, OutcomeClass::Blocked),
    ] {
        let outcome = told.answer(body, &[message(PHONE, "hi")]).await.remove(0);
        assert_eq!((outcome.class, outcome.code), (class, Some(299)));
    }
}
