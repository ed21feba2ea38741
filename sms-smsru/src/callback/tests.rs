//! Tests that a signed body has only one meaning. The signature covers the concatenated values, so
//! the tests try every way to split them.

use std::collections::HashSet;

use proptest::prelude::*;

use crate::callback::reader::CallbackReader;
use crate::callback::record::Record;

/// Reads the text in every possible split into records. With `known`, only records about messages
/// and checks are kept.
fn readings(text: &str, known: bool) -> HashSet<Vec<String>> {
    let mut upto: Vec<HashSet<Vec<String>>> = vec![HashSet::new(); text.len() + 1];
    upto[0].insert(Vec::new());
    for end in 1..=text.len() {
        for start in 0..end {
            let Some(record) = Record::parse(&text[start..end]).filter(|_| !upto[start].is_empty())
            else {
                continue;
            };
            let says = matches!(record, Record::Status { .. } | Record::CallCheck { .. });
            for mut before in upto[start].clone() {
                if says || !known {
                    before.push(format!("{record:?}"));
                }
                upto[end].insert(before);
            }
        }
    }
    upto.pop().unwrap_or_default()
}

fn own(values: &[String], known: bool) -> Vec<String> {
    let records =
        values.iter().map(|value| Record::parse(value).unwrap_or_else(|| panic!("{value:?}")));
    let says = |record: &Record| {
        !known || matches!(record, Record::Status { .. } | Record::CallCheck { .. })
    };
    records.filter(says).map(|record| format!("{record:?}")).collect()
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "202626-[0-9]{1,8}",
        1 => "[a-z_]{1,12}",
        1 => "[!-~]{1,16}",
        1 => Just("sms_status".to_owned()),
        1 => "[0-9]{1,10}",
        1 => "x?test",
    ]
}

/// A record in the present format of sms.ru.
fn plain() -> impl Strategy<Value = String> {
    let status = (
        "sms_status|callcheck_status",
        id(),
        "-?[0-9]{1,4}",
        prop::option::weighted(0.8, "[0-9]{10}"),
    );
    prop_oneof![
        5 => status.prop_map(|(kind, id, code, at)| {
            let at = at.map_or_else(String::new, |at| format!("\n{at}"));
            format!("{kind}\n{id}\n{code}{at}")
        }),
        1 => "test\n[0-9]{10}",
        1 => Just("test".to_owned()),
    ]
}

/// A record in the present format or in a possible future one.
fn any_record() -> impl Strategy<Value = String> {
    let line = "[a-z_]{0,6}[ -~]{0,4}|[0-9]{10}|[ -~]{0,12}|te|sms_";
    let added = (plain(), prop::collection::vec(line, 0..3), "\n?|\r\n")
        .prop_map(|(record, lines, end)| format!("{record}\n{}{end}", lines.join("\n")));
    let new = ("[a-z_]{1,8}|st_[a-z]|[a-z_]?status", prop::collection::vec(line, 1..4))
        .prop_map(|(kind, lines)| format!("{kind}\n{}", lines.join("\n")));
    prop_oneof![2 => plain(), 1 => added, 1 => new]
        .prop_filter("a valid record", |value| Record::parse(value).is_some())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_records_of_a_body_can_be_divided_in_one_way_only(
        values in prop::collection::vec(plain(), 1..6),
    ) {
        prop_assert_eq!(readings(&values.concat(), false), HashSet::from([own(&values, false)]));
    }

    #[test]
    fn no_division_of_a_body_gains_or_loses_what_is_said_of_a_message(
        values in prop::collection::vec(any_record(), 1..6),
    ) {
        prop_assert_eq!(readings(&values.concat(), true), HashSet::from([own(&values, true)]));
    }

    #[test]
    fn any_body_is_refused_unless_it_is_signed(
        body in prop::collection::vec(any::<u8>(), 0..200),
        fields in concat!(
            "(data\\[[0-9-]{0,3}\\]|hash|x)?=?",
            "(test|sms_status%0A1%0A103|[0-9a-f]{64}|%[0-9a-f]?)",
            "(&data\\[1\\]=test)?&hash=[0-9a-f]{64}",
        ),
    ) {
        let reader = CallbackReader::new("ID").unwrap();
        prop_assert!(reader.read(&body).is_err() && reader.read(fields.as_bytes()).is_err());
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*|[a-z_\n0-9 \r-]{0,60}") {
        let _ = Record::parse(&text);
    }
}
