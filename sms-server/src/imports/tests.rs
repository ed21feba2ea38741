//! Whole files, from bytes to messages.

use proptest::prelude::*;
use sms_core::{Error, Message, NewMessage, NumberReader, PhoneNumber};

use super::check::{CheckedRow, Checker, Rules};
use super::encoding::{Encoding, decode};
use super::layout::{FileOptions, Layout};
use super::mailing::MailingOptions;
use super::separator::Separator;
use super::shape::ShapeOptions;
use super::stops::{StopFile, StopOptions};

struct Anyone;

impl Rules for Anyone {
    fn prepare(&self, message: &Message) -> Result<NewMessage, Error> {
        message.prepare()
    }

    fn may_send_to(&self, number: PhoneNumber) -> bool {
        number.digits() != 79_250_000_000
    }
}

fn text(text: &str) -> FileOptions {
    FileOptions { text: Some(text.to_owned()), ..FileOptions::default() }
}

fn check(file: &str, options: &FileOptions) -> Vec<CheckedRow> {
    let layout = Layout::find(file, options, NumberReader::default()).expect(file);
    let options = MailingOptions::default();
    let mut checker = Checker::new(&layout, options, NumberReader::default(), Anyone);
    checker.check(file).collect()
}

/// The number of each wrong row, with the column and code of each error.
fn errors(rows: &[CheckedRow]) -> Vec<(u64, String)> {
    let wrong = rows.iter().filter_map(|it| Some((it.row.row, it.result.as_ref().err()?)));
    wrong
        .flat_map(|(row, errors)| {
            errors.iter().map(move |error| {
                (row, format!("{} {}", error.column.as_deref().unwrap_or("-"), error.code))
            })
        })
        .collect()
}

#[test]
fn a_file_of_excel_becomes_messages() {
    let file = "Телефон;Имя;Сумма\r\n8 (925) 123-45-67;Анна;1 500,00\r\n9261234567;\"О;Нил\";7\r\n";
    let (bytes, ..) = encoding_rs::WINDOWS_1251.encode(file);
    let (file, encoding) = decode(bytes.into_owned()).expect("text");
    assert_eq!(encoding, Encoding::Windows1251);
    let options = text("{Имя}, к оплате {сумма}");
    let layout = Layout::find(&file, &options, NumberReader::default()).expect("good");
    assert_eq!((layout.separator, layout.has_header), (Separator::Semicolon, true));
    let options = MailingOptions::default();
    let mut checker = Checker::new(&layout, options, NumberReader::default(), Anyone);
    let rows: Vec<_> = checker.check(&file).collect();
    let mailing = checker.into_mailing();
    let messages: Vec<_> =
        rows.iter().map(|it| mailing.message(&it.row).prepare().expect("valid")).collect();
    assert_eq!(messages[0].to.digits(), 79_251_234_567);
    assert_eq!(messages[0].text, "Анна, к оплате 1 500,00");
    assert_eq!(messages[1].text, "О;Нил, к оплате 7");
    assert_eq!(rows.iter().map(|it| it.row.row).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(rows[0].result, Ok(messages[0].parts));
}

#[test]
fn every_error_of_a_row_is_named_with_its_column() {
    let file =
        "phone,name\n79251234567,Анна\n7.92512E+10,\nnobody,x\n,y\n79250000000,z\n79251111111\n";
    let rows = check(file, &text("hi {name}"));
    assert_eq!(rows.len(), 6);
    let expected = [
        (3, "phone phone_rounded"),
        (3, "name value_missing"),
        (4, "phone phone_invalid"),
        (5, "phone phone_empty"),
        (6, "phone recipient_not_allowed"),
        (7, "name value_missing"),
    ];
    assert_eq!(errors(&rows), expected.map(|(row, error)| (row, error.to_owned())));
    let error = rows[1].result.as_ref().unwrap_err().first().cloned().expect("an error");
    assert_eq!(error.value.as_deref(), Some("7.92512E+10"));
}

#[test]
fn a_text_that_no_message_can_have_is_an_error_of_its_cell_or_of_the_row() {
    let long = "я".repeat(600);
    let file = format!("phone;text\n79251234567;{long}\n79251234568;a\u{1}b\n");
    let rows = check(&file, &FileOptions::default());
    let expected = [(2, "text text_too_long"), (3, "text text_control")];
    assert_eq!(errors(&rows), expected.map(|(row, error)| (row, error.to_owned())));
    let rows = check("phone\n79251234567\n", &text(&long));
    assert_eq!(errors(&rows), [(2, "- text_too_long".to_owned())]);
    let rows = check("phone\n79251234567\n", &text(" "));
    assert_eq!(errors(&rows), [(2, "- text_empty".to_owned())]);
}

#[test]
fn the_same_message_to_the_same_number_is_named_and_another_text_is_none() {
    let file = "phone;text\n79251234567;a\n8 925 123-45-67;a\n79251234567;b\n+79251234567;a\n";
    let rows = check(file, &FileOptions::default());
    let repeated: Vec<_> = rows.iter().map(|it| it.is_repeated).collect();
    assert_eq!(repeated, [false, true, false, true]);
    let error = rows[3].result.as_ref().unwrap_err()[0].clone();
    assert_eq!((error.code.as_str(), error.detail.contains("row 2")), ("row_repeated", true));
}

#[test]
fn rows_that_an_open_quotation_mark_swallows_are_not_sent() {
    let file = "phone;text\n79251234567;a\n79251234568;\"b\n79251234569;c\n";
    assert_eq!(errors(&check(file, &FileOptions::default())), [(3, "- quote_open".to_owned())]);
    let more = "79251234569;c\n".repeat(400);
    let file = format!("phone;text\n79251234568;\"b\n{more}79251234560;d\";x\n79251234561;e\n");
    let rows = check(&file, &FileOptions::default());
    assert_eq!(errors(&rows), [(2, "- cell_too_long".to_owned())]);
    assert!(rows.last().expect("a row").result.is_ok());
}

proptest! {
    #[test]
    fn no_file_and_no_template_panic(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..400),
            "[;,\t\"\r\n'+0-9Eа-я{}. ]{0,200}".prop_map(String::into_bytes),
        ],
        template in prop::option::of("[{}A-Da-d \"]{0,20}"),
        has_header in prop::option::of(any::<bool>()),
    ) {
        let decoded = decode(bytes);
        if let Ok((file, _)) = &decoded {
            let reason = template.clone();
            let options = StopOptions { reason, max_reason: 9, ..StopOptions::default() };
            if let Ok(stops) = StopFile::read(file, &options, NumberReader::default()) {
                let lines = file.matches(['\n', '\r']).count() + 2;
                prop_assert!(stops.stops.len() + stops.wrong.len() <= lines);
            }
        }
        let options = FileOptions {
            text: template,
            shape: ShapeOptions {
                to_column: has_header.map(|_| "A".to_owned()),
                has_header,
                separator: None,
            },
            text_column: Some("B".to_owned()),
        };
        if let Ok((file, _)) = decoded
            && let Ok(layout) = Layout::find(&file, &options, NumberReader::default())
        {
            let options = MailingOptions::default();
            let mut checker = Checker::new(&layout, options, NumberReader::default(), Anyone);
            let rows: Vec<_> = checker.check(&file).collect();
            let lines = file.matches(['\n', '\r']).count() as u64 + 2;
            prop_assert!(rows.iter().all(|it| it.row.row <= lines));
            prop_assert!(rows.is_sorted_by(|one, other| one.row.row < other.row.row));
        }
    }
}
