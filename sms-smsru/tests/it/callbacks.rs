//! Callbacks: accepted and rejected bodies.

use sha2::{Digest, Sha256};
use sms_core::ReceiptState;
use sms_core::clock::datetime_from_ms;
use sms_smsru::code::CallCheckState;
use sms_smsru::{CallbackError, CallbackReader, Record, SmsRu};
use url::form_urlencoded;

use crate::sha256::{extend, padding};

const API_ID: &str = "AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE";
const DELIVERED: &str = "sms_status\n202626-48053517\n103\n1782000000";
const FAILED: &str = "sms_status\n202626-48053518\n104\n1782000001";
const CALLED: &str = "callcheck_status\n201737-542\n401\n1782000002";
const TEST: &str = "test\n1782000003";

fn callbacks() -> CallbackReader {
    CallbackReader::new(API_ID).unwrap()
}

fn sign(values: &[impl AsRef<[u8]>]) -> String {
    let mut hash = Sha256::new_with_prefix(API_ID);
    for value in values {
        hash.update(value);
    }
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// Builds a body from these fields. Values can be any bytes.
fn form(fields: &[(String, &[u8])]) -> Vec<u8> {
    let escape = |bytes: &[u8]| form_urlencoded::byte_serialize(bytes).collect::<String>();
    let fields =
        fields.iter().map(|(name, value)| format!("{}={}", escape(name.as_bytes()), escape(value)));
    fields.collect::<Vec<_>>().join("&").into_bytes()
}

/// Builds a body from these values, numbered from `first`, and this hash.
fn body_of(values: &[impl AsRef<[u8]>], first: usize, hash: &str) -> Vec<u8> {
    let numbered = values.iter().enumerate();
    let mut fields: Vec<(String, &[u8])> =
        numbered.map(|(n, value)| (format!("data[{}]", n + first), value.as_ref())).collect();
    fields.push(("hash".to_owned(), hash.as_bytes()));
    form(&fields)
}

fn signed(values: &[impl AsRef<[u8]>]) -> Vec<u8> {
    body_of(values, 0, &sign(values))
}

fn read(values: &[impl AsRef<[u8]>]) -> Result<Vec<Record>, CallbackError> {
    callbacks().read(&signed(values))
}

fn status(id: &str, code: i32, at: i64) -> Record {
    Record::Status { id: id.to_owned(), code, at: Some(datetime_from_ms(at * 1000)) }
}

fn known() -> Vec<Record> {
    let at = |seconds: i64| Some(datetime_from_ms(seconds * 1000));
    vec![
        status("202626-48053517", 103, 1_782_000_000),
        status("202626-48053518", 104, 1_782_000_001),
        Record::CallCheck { id: "201737-542".to_owned(), code: 401, at: at(1_782_000_002) },
        Record::Test { at: at(1_782_000_003) },
    ]
}

#[test]
fn records_are_read_from_either_base_in_the_order_of_their_numbers() {
    let values = [DELIVERED, FAILED, CALLED, TEST];
    for first in [0, 1, 99] {
        assert_eq!(callbacks().read(&body_of(&values, first, &sign(&values))).unwrap(), known());
    }
    let hash = sign(&values);
    let shuffled =
        [("data[10]", TEST), ("data[9]", CALLED), ("hash", &hash), ("data[-3]", DELIVERED)];
    let mut fields: Vec<(String, &[u8])> =
        shuffled.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes())).collect();
    fields.push(("data[2]".to_owned(), FAILED.as_bytes()));
    assert_eq!(
        callbacks().read(&form(&fields)).unwrap(),
        known(),
        "by number, not by place or spelling"
    );
}

#[test]
fn a_body_as_sms_ru_writes_it_is_read() {
    let hash = sign(&[DELIVERED]);
    let body = format!("data%5B1%5D=sms_status%0A202626-48053517%0A103%0A1782000000&hash={hash}");
    assert_eq!(callbacks().read(body.as_bytes()).unwrap(), known()[..1]);
}

#[test]
fn old_records_and_new_ones_are_tolerated() {
    let at = Some(datetime_from_ms(1_782_000_000_000));
    let status = |at| Record::Status { id: "1".to_owned(), code: -1, at };
    for (value, expected) in [
        ("sms_status\n1\n-1", status(None)),
        ("sms_status\n1\n-1\n", status(None)),
        ("sms_status\r\n1\r\n-1\r\n1782000000\r\n", status(at)),
        ("sms_status\n1\n-1\n1782000000\n", status(at)),
        ("sms_status\n1\n-1\n1782000000\n0.50\nRUB, about", status(at)),
        ("test", Record::Test { at: None }),
        ("test\n1782000000\nagain", Record::Test { at }),
    ] {
        assert_eq!(read(&[value]).unwrap(), [expected], "{value:?}");
    }
    let lines = vec!["79250000000".to_owned(), "Hello, world".to_owned()];
    let inbox = Record::Other { kind: "sms_inbox".to_owned(), lines };
    assert_eq!(read(&["sms_inbox\n79250000000\nHello, world"]).unwrap(), [inbox]);
    assert_eq!(read(&[""; 0]).unwrap(), []);
}

#[test]
fn a_record_not_in_the_grammar_is_refused_though_it_is_signed() {
    for value in [
        "",
        "\n",
        "sms_status",
        "sms_status\n1",
        "sms_status\n\n103",
        "sms_status\n1\n",
        "sms_status\n1\n12345",
        "sms_status\n1\n--1",
        "sms_status\n1\n+1",
        "sms_status\n1\n1.0",
        "sms_status\n1 2\n103",
        "sms_status\n 1\n103",
        "sms_status\n1\n103\n178200000",
        "sms_status\n1\n103\n17820000000",
        "sms_status\n1\n103\n-178200000",
        "sms_status\n1\n103\n178200000x",
        "sms_status\n1\n103\n\n",
        "sms_status\r1\r103",
        "sms_status\n1\n10\r3",
        "sms_status\n\u{661}\n103",
        "sms_status\n1\n103\n1782000000\nпривет",
        "sms_status\n1\n103\n1782000000\n\t",
        "sms_status\n1\n103\n1782000000\n\0",
        " sms_status\n1\n103",
        "SMS_STATUS\n1\n103",
        "\nsms_status\n1\n103",
        "sms-status\n1\n103",
        "callcheck_status\n1\n",
        "test\nnow",
        "status\n1\n103",
        "xsms_status\n1\n103",
        "sms_inbox",
        "1782000000",
    ] {
        assert_eq!(read(&[value]), Err(CallbackError::Malformed { number: 0 }), "{value:?}");
        assert_eq!(read(&[TEST, value]), Err(CallbackError::Malformed { number: 1 }), "{value:?}");
    }
    let longest = format!("sms_status\n{}\n103", "1".repeat(64));
    assert!(read(&[&longest]).is_ok() && read(&[longest.replacen('1', "11", 1)]).is_err());
}

#[test]
fn fields_that_are_not_sms_rus_are_refused() {
    let hash = sign(&[TEST]);
    let with = |name: &str, value: &str| {
        let fields = [("data[0]", TEST), ("hash", &hash), (name, value)];
        let fields: Vec<(String, &[u8])> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes())).collect();
        callbacks().read(&form(&fields))
    };
    for name in [
        "data",
        "data[]",
        "data[x]",
        "data[+0]",
        "data[ 0]",
        "data[1",
        "data[1][2]",
        "Data[1]",
        "x",
        "",
    ] {
        assert_eq!(with(name, ""), Err(CallbackError::UnknownField), "{name}");
    }
    assert_eq!(with("data[99999999999999999999]", TEST), Err(CallbackError::UnknownField));
    for name in ["data[0]", "data[00]", "data[-0]"] {
        assert_eq!(with(name, TEST), Err(CallbackError::DuplicateNumber { number: 0 }), "{name}");
    }
    assert_eq!(with("hash", &hash), Err(CallbackError::DuplicateHash));
}

#[test]
fn a_missing_an_empty_or_a_wrong_hash_is_refused() {
    let right = sign(&[DELIVERED]);
    let read = |hash: &str| callbacks().read(&body_of(&[DELIVERED], 0, hash));
    assert!(read(&right).is_ok());
    let none = form(&[("data[0]".to_owned(), DELIVERED.as_bytes())]);
    assert_eq!(callbacks().read(&none), Err(CallbackError::NoHash));
    assert_eq!(callbacks().read(b""), Err(CallbackError::NoHash));
    assert_eq!(read(""), Err(CallbackError::NoHash));
    let unsigned = hex(&Sha256::digest(DELIVERED));
    for hash in [&*unsigned, &right[..63], &format!("{right}0"), &right.to_uppercase(), " ", "0"] {
        assert_eq!(read(hash), Err(CallbackError::WrongHash), "{hash}");
    }
    let other = CallbackReader::new("another").unwrap();
    assert_eq!(other.read(&signed(&[DELIVERED])), Err(CallbackError::WrongHash));
}

#[test]
fn a_changed_record_or_another_order_is_refused() {
    let hash = sign(&[DELIVERED, FAILED]);
    for values in [
        &[FAILED, DELIVERED][..],
        &[DELIVERED],
        &[DELIVERED, FAILED, TEST],
        &[DELIVERED, DELIVERED],
        &["sms_status\n202626-48053517\n104\n1782000000", FAILED],
    ] {
        assert_eq!(callbacks().read(&body_of(values, 0, &hash)), Err(CallbackError::WrongHash));
    }
}

#[test]
fn a_body_extended_without_the_key_is_refused_though_its_hash_is_right() {
    let forged = "sms_status\n202626-1\n103\n1782000000";
    // The last record can end in a line break, so that the padding would be a separate line.
    for last in [FAILED.to_owned(), format!("{FAILED}\n"), format!("{FAILED}\n0.50 ")] {
        let last = last.as_bytes();
        let length = API_ID.len() + DELIVERED.len() + last.len();
        let glue = padding(length);
        let hash = extend(&sign(&[DELIVERED.as_bytes(), last]), length, forged.as_bytes());
        // The padding can be part of either value, or a separate value.
        let end = [last, &glue].concat();
        let begin = [&glue, forged.as_bytes()].concat();
        let within = [last, &glue, forged.as_bytes()].concat();
        let divisions: [&[&[u8]]; 4] = [
            &[DELIVERED.as_bytes(), &end, forged.as_bytes()],
            &[DELIVERED.as_bytes(), last, &begin],
            &[DELIVERED.as_bytes(), last, &glue, forged.as_bytes()],
            &[DELIVERED.as_bytes(), &within],
        ];
        for values in divisions {
            assert_eq!(sign(values), hash, "the attack is right");
            let refused = callbacks().read(&body_of(values, 0, &hash));
            assert!(matches!(refused, Err(CallbackError::Malformed { .. })), "{refused:?}");
        }
    }
}

#[test]
fn a_body_divided_anew_at_any_one_or_two_places_is_refused() {
    let values = [DELIVERED, TEST, "sms_status\nid_a\n103", CALLED];
    let (whole, hash) = (values.concat(), sign(&values));
    let ends: Vec<usize> = values
        .iter()
        .scan(0, |end, value| {
            Some({
                *end += value.len();
                *end
            })
        })
        .collect();
    let cuts = 0..=whole.len();
    for (a, b) in
        cuts.clone().flat_map(|a| cuts.clone().map(move |b| (a, b))).filter(|(a, b)| a <= b)
    {
        // Splits in addition to the true ones, and instead of them.
        let mut beside: Vec<usize> =
            ends.iter().copied().chain([a, b]).filter(|cut| *cut > 0).collect();
        beside.sort_unstable();
        beside.dedup();
        for cuts in [beside, vec![a, b, whole.len()]] {
            let mut start = 0;
            let pieces: Vec<&str> = cuts
                .iter()
                .map(|end| {
                    let piece = &whole[start..*end];
                    start = *end;
                    piece
                })
                .collect();
            if pieces != values {
                let read = callbacks().read(&body_of(&pieces, 0, &hash));
                assert!(
                    matches!(read, Err(CallbackError::Malformed { .. })),
                    "{pieces:?}: {read:?}"
                );
            }
        }
    }
}

#[test]
fn records_merged_into_one_are_refused() {
    let added = "sms_status\n1\n103\n1782000000\n0.50";
    let ended = "sms_status\n1\n103\n1782000000\n";
    let old = "sms_status\n1\n103";
    let new = "sms_inbox\nhello";
    for first in [DELIVERED, CALLED, TEST, "test", added, ended, old, new] {
        for second in [DELIVERED, CALLED, TEST] {
            let hash = sign(&[first, second]);
            assert!(callbacks().read(&body_of(&[first, second], 0, &hash)).is_ok());
            let merged = callbacks().read(&body_of(&[[first, second].concat()], 0, &hash));
            assert_eq!(merged, Err(CallbackError::Malformed { number: 0 }), "{first:?} {second:?}");
        }
    }
}

#[test]
fn the_same_body_reads_the_same_again() {
    let (reader, body) = (callbacks(), signed(&[DELIVERED, FAILED, CALLED, TEST]));
    assert_eq!(reader.read(&body).unwrap(), known());
    assert_eq!(reader.read(&body).unwrap(), known());
}

#[test]
fn ten_thousand_records_in_a_hundred_bodies_are_read() {
    let mut seen = 0;
    for body in 0..100 {
        let values: Vec<String> = (0..100)
            .map(|n| format!("sms_status\n202626-{}\n103\n1782000000", body * 100 + n))
            .collect();
        for record in read(&values).unwrap() {
            assert_eq!(record, status(&format!("202626-{seen}"), 103, 1_782_000_000));
            seen += 1;
        }
    }
    assert_eq!(seen, 10_000);
}

#[test]
fn a_body_of_too_many_records_or_bytes_is_refused() {
    let values = vec![TEST; 1001];
    assert_eq!(read(&values[..1000]).unwrap().len(), 1000);
    assert_eq!(read(&values), Err(CallbackError::TooLarge));
    let long = format!("sms_inbox\n{}", "x".repeat(1024 * 1024));
    assert_eq!(read(&[long]), Err(CallbackError::TooLarge));
}

#[test]
fn what_is_not_a_form_is_refused() {
    for body in [&b"\xff\xfe"[..], b"{}", b"data[0]", b"=&=&", b"hash", &[b'&'; 1000]] {
        assert!(callbacks().read(body).is_err());
    }
}

#[test]
fn a_status_is_a_receipt_with_its_code_words_and_time() {
    let records = read(&[DELIVERED, FAILED, CALLED, TEST]).unwrap();
    let receipt = records[0].receipt().unwrap();
    assert_eq!((&*receipt.provider, &*receipt.provider_id), ("smsru", "202626-48053517"));
    assert_eq!((receipt.state, receipt.code), (ReceiptState::Delivered, Some(103)));
    assert_eq!(receipt.text.as_deref(), Some("the message was delivered"));
    assert_eq!(receipt.at, Some(datetime_from_ms(1_782_000_000_000)));
    assert_eq!(records[1].receipt().unwrap().state, ReceiptState::Undelivered);
    assert_eq!(records[2].receipt(), None);
    assert_eq!(records[2].call_check(), Some(CallCheckState::Confirmed));
    assert_eq!(records[3].receipt(), None);
    let new = read(&["sms_status\n1\n199\n1782000000", "sms_status\n1\n-1\n1782000000"]).unwrap();
    let receipt = new[0].receipt().unwrap();
    assert_eq!((receipt.state, receipt.code), (ReceiptState::InTransit, Some(199)));
    assert_eq!(new[1].receipt(), None, "an id sms.ru does not know is no news of a message");
}

#[test]
fn the_key_is_the_api_id_or_the_one_configured_and_never_empty() {
    let callbacks = |url: &str| SmsRu::from_url(url).unwrap().callback_reader().cloned();
    let body = signed(&[TEST]);
    assert!(callbacks(&format!("smsru://{API_ID}@sms.ru")).unwrap().read(&body).is_ok());
    let login = "smsru://79250000000:secret@sms.ru";
    assert!(callbacks(login).is_none());
    let configured = format!("{login}?callback_api_id={API_ID}");
    assert!(callbacks(&configured).unwrap().read(&body).is_ok());
    let other = format!("smsru://ID@sms.ru?callback_api_id={API_ID}");
    assert!(callbacks(&other).unwrap().read(&body).is_ok());
    assert!(CallbackReader::new("").is_err() && CallbackReader::new(" ").is_err());
}

#[test]
fn neither_a_reader_nor_its_errors_tell_the_key_or_the_body() {
    let printed =
        format!("{:?} {:?}", callbacks(), SmsRu::from_url(&format!("smsru://{API_ID}@sms.ru")));
    assert!(!printed.contains("AAAAAAAA"), "{printed}");
    let error = read(&["sms_status\nCANARY"]).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("CANARY"));
}
