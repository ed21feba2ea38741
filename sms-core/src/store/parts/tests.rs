use time::OffsetDateTime;

use super::*;
use crate::provider::receipt::ReceiptState;

const NOW: i64 = 1_000;

fn parts() -> Parts {
    let mut parts = Parts::none();
    assert!(parts.add(1, "p", ["a", "b", "c"].into_iter()));
    parts
}

fn receipt(id: &str, state: ReceiptState) -> Receipt {
    Receipt::new("p", id, state)
}

fn names(parts: &Parts, id: &str) -> Vec<String> {
    let names = parts.names_to_query("p".to_owned(), id.to_owned());
    names.into_iter().map(|name| name.provider_id).collect()
}

#[test]
fn the_end_is_that_of_all_parts_or_of_one_that_is_undelivered() {
    use Status::{Delivered, Sent, Undelivered};
    for (parts, end) in [
        ([Delivered, Delivered, Delivered], Some(Delivered)),
        ([Delivered, Sent, Delivered], None),
        ([Sent, Sent, Sent], None),
        ([Sent, Undelivered, Sent], Some(Undelivered)),
        ([Delivered, Delivered, Undelivered], Some(Undelivered)),
        ([Undelivered, Undelivered, Undelivered], Some(Undelivered)),
    ] {
        assert_eq!(end_of(parts), end, "{parts:?}");
    }
}

#[test]
fn one_id_makes_no_parts() {
    let mut parts = Parts::none();
    assert!(!parts.add(1, "p", ["a"].into_iter()));
    assert!(!parts.add(1, "p", std::iter::empty()));
    assert!(parts.is_empty());
    assert_eq!(names(&parts, "a"), ["a"]);
    assert_eq!(parts.receive(NOW, &receipt("a", ReceiptState::Delivered)), None);
}

#[test]
fn a_query_names_the_parts_without_an_end() {
    let mut parts = parts();
    assert_eq!(names(&parts, "a"), ["a", "b", "c"]);
    parts.receive(NOW, &receipt("a", ReceiptState::Delivered));
    parts.receive(NOW, &receipt("b", ReceiptState::InTransit).code(102, "on its way"));
    assert_eq!(names(&parts, "a"), ["b", "c"]);
}

#[test]
fn parts_of_two_attempts_do_not_add_up() {
    let mut parts = parts();
    parts.add(2, "p", ["d", "e"].into_iter());
    for id in ["a", "b", "d"] {
        let end = parts.receive(NOW, &receipt(id, ReceiptState::Delivered)).and_then(|it| it.end);
        assert_eq!(end, None, "{id}");
    }
    assert_eq!((names(&parts, "a"), names(&parts, "d")), (vec!["c".into()], vec!["e".into()]));
    let last = parts.receive(NOW, &receipt("e", ReceiptState::Delivered));
    assert_eq!(last.and_then(|it| it.end), Some(Status::Delivered));
}

#[test]
fn a_part_is_known_by_its_provider_too() {
    let mut parts = parts();
    let foreign = receipt("a", ReceiptState::Delivered).provider("q");
    assert_eq!(parts.receive(NOW, &foreign), None);
    assert_eq!(names(&parts, "a"), ["a", "b", "c"]);
}

#[test]
fn a_receipt_is_news_of_a_part_once() {
    let (now, mut parts) = (OffsetDateTime::UNIX_EPOCH, parts());
    let mut news = |receipt: &Receipt| parts.receive(NOW, receipt).map(|it| it.news);
    let on_its_way = receipt("a", ReceiptState::InTransit).code(102, "on its way").at(now);
    assert_eq!(news(&on_its_way), Some(News::Code));
    assert_eq!(news(&on_its_way), Some(News::Nothing));
    let delivered = receipt("a", ReceiptState::Delivered).at(now);
    assert_eq!(news(&delivered), Some(News::End(Status::Delivered)));
    assert_eq!(news(&delivered), Some(News::Nothing));
    let later = now + std::time::Duration::from_secs(1);
    let opposite = receipt("a", ReceiptState::Undelivered).at(later);
    assert_eq!(news(&opposite), Some(News::Contradiction));
    assert_eq!(news(&opposite), Some(News::Nothing));
}

#[test]
fn parts_are_kept_as_a_short_list() {
    let mut parts = parts();
    parts.receive(NOW, &receipt("b", ReceiptState::Delivered).code(103, "delivered"));
    let json = serde_json::to_string(&parts).expect("JSON");
    assert!(
        json.starts_with(r#"[{"attempt":1,"provider":"p","provider_id":"a","status":"sent"},"#)
    );
    assert_eq!(serde_json::from_str::<Parts>(&json).expect("parts"), parts);
    assert_eq!(serde_json::to_string(&Parts::none()).expect("JSON"), "[]");
}
