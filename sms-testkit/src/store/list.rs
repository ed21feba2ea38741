//! Lists and their filters.

use std::time::Duration;

use sms_core::message::Resend;
use sms_core::store::ListRequest;
use sms_core::{Archive, Class, Message, MessageId, PhoneNumber, Route, Scope, Status};

use super::steps::{ALL, PROVIDER, ids_of, message, secs, some};
use crate::harness::StoreHarness;

fn everything() -> ListRequest {
    ListRequest::new(ALL)
}

async fn search(h: &StoreHarness, what: &str) -> Vec<MessageId> {
    h.list(everything().search(Some(what.to_owned()))).await
}

pub async fn the_newest_is_first(h: &StoreHarness) {
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.insert(0, h.queued(message()).await);
        h.advance(secs(1)).await;
    }
    assert_eq!(h.list(everything()).await, ids);
}

pub async fn a_listed_message_is_the_one_get_shows(h: &StoreHarness) {
    for status in Status::ALL {
        h.in_status(status).await;
    }
    let listed = h.store.list(&everything()).await.expect("list").messages;
    assert_eq!(listed.len(), Status::ALL.len());
    for stored in listed {
        let found = h.find(stored.message.id).await.expect("a listed message can be read");
        assert!(found == stored, "list and get return the same message");
    }
}

pub async fn pages_hold_every_message_once(h: &StoreHarness) {
    let batch = some(10);
    h.insert(&batch).await;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = h.list(everything().after(after).limit(3)).await;
        assert!(page.len() <= 3, "a page is no longer than its limit");
        let Some(last) = page.last() else { break };
        after = Some(*last);
        seen.extend(page);
        assert!(seen.len() <= batch.len(), "a page repeats messages of an earlier page");
    }
    seen.reverse();
    assert_eq!(seen, ids_of(&batch));
}

pub async fn pages_go_on_past_what_comes_in_between(h: &StoreHarness) {
    let batch = some(4);
    h.insert(&batch).await;
    let first = h.list(everything().limit(2)).await;
    h.insert(&some(3)).await;
    let rest = h.list(everything().after(first.last().copied())).await;
    assert_eq!(rest, [batch[1].id, batch[0].id]);
}

pub async fn nothing_is_on_a_page_of_limit_zero(h: &StoreHarness) {
    h.queued(message()).await;
    assert_eq!(h.list(everything().limit(0)).await, []);
}

pub async fn states_can_be_chosen(h: &StoreHarness) {
    let mut ids = Vec::new();
    for status in Status::ALL {
        ids.push((status, h.in_status(status).await));
    }
    for (status, id) in &ids {
        assert_eq!(h.list(everything().statuses(vec![*status])).await, [*id], "{status}");
    }
    let statuses = vec![Status::Failed, Status::Sending];
    let found = h.list(everything().statuses(statuses)).await;
    assert_eq!(found, [ids[5].1, ids[1].1], "any of several states");
}

pub async fn a_number_can_be_chosen(h: &StoreHarness) {
    let id = h.queued(Message::new("+79261112233", "hi")).await;
    h.queued(message()).await;
    let to = PhoneNumber::parse("8 926 111-22-33").ok();
    assert_eq!(h.list(everything().to(to)).await, [id]);
}

pub async fn a_class_can_be_chosen(h: &StoreHarness) {
    for class in Class::ALL {
        let id = h.queued(message().class(class)).await;
        assert_eq!(h.list(everything().class(Some(class))).await, [id], "{class:?}");
    }
}

pub async fn a_reference_can_be_chosen(h: &StoreHarness) {
    let id = h.queued(message().reference("заказ 42")).await;
    h.queued(message().reference("заказ 4")).await;
    h.queued(message()).await;
    let reference = Some("заказ 42".to_owned());
    assert_eq!(h.list(everything().reference(reference)).await, [id]);
}

pub async fn a_code_can_be_chosen(h: &StoreHarness) {
    let failed = h.in_status(Status::Failed).await;
    h.queued(message()).await;
    let code = h.state(failed).await.code.expect("a refused message has a code");
    assert_eq!(h.list(everything().code(code)).await, [failed]);
    assert_eq!(h.list(everything().code(code + 1)).await, []);
}

pub async fn a_route_can_be_chosen(h: &StoreHarness) {
    let (first, second) = (message().route("sandbox"), message().route("sandbox").owner("shop"));
    let (default, first) = (h.queued(message()).await, h.queued(first).await);
    h.queued(message().route("second")).await;
    let second = h.queued(second).await;
    let of = |route: Route| everything().route(route);
    assert_eq!(h.list(of(Route::SANDBOX)).await, [second, first]);
    assert_eq!(h.list(of(Route::SANDBOX).after(second)).await, [first]);
    assert_eq!(h.list(of(Route::DEFAULT)).await, [default]);
    let of_shop = of(Route::SANDBOX).scope(Scope::Owner("shop".to_owned()));
    assert_eq!(h.list(of_shop).await, [second]);
    let queued = of(Route::SANDBOX).statuses(vec![Status::Queued]);
    assert_eq!(h.list(queued).await, [second, first]);
    let within = of(Route::SANDBOX).budget(Some(Duration::from_secs(5)));
    assert_eq!(h.list(within).await, [second, first]);
}

pub async fn the_provider_that_was_asked_can_be_chosen(h: &StoreHarness) {
    h.queued(message()).await;
    let sending = h.sending(message()).await;
    let sent = h.sent(message()).await;
    let of = |name: &str| everything().provider(name.to_owned());
    assert_eq!(h.list(of(PROVIDER)).await, [sent, sending]);
    assert_eq!(h.list(of("another")).await, []);
    let to = PhoneNumber::parse("+79251234567").ok();
    assert_eq!(h.list(of(PROVIDER).to(to).limit(1)).await, [sent]);
    let within = of(PROVIDER).budget(Some(Duration::from_secs(5)));
    assert_eq!(h.list(within).await, [sent, sending]);
}

pub async fn resends_of_a_message_can_be_chosen(h: &StoreHarness) {
    let first = h.queued(message()).await;
    let again = |of| message().resend(Resend::new(of, "the phone was off", "a person"));
    let second = h.queued(again(first)).await;
    let third = h.queued(again(first)).await;
    h.queued(again(second)).await;
    assert_eq!(h.list(everything().resend_of(first)).await, [third, second]);
    let both = everything().resend_of(first).statuses([Status::Queued]).reference("r".to_owned());
    assert_eq!(h.list(both).await, []);
}

pub async fn a_time_range_holds_its_start_and_not_its_end(h: &StoreHarness) {
    let (mut ids, mut times) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let id = h.queued(message()).await;
        times.push(Some(h.state(id).await.created_at));
        ids.push(id);
        h.advance(secs(10)).await;
    }
    assert_eq!(h.list(everything().from_time(times[1])).await, [ids[2], ids[1]]);
    assert_eq!(h.list(everything().to_time(times[1])).await, [ids[0]]);
    let request = everything().from_time(times[0]).to_time(times[2]);
    assert_eq!(h.list(request).await, [ids[1], ids[0]]);
}

pub async fn a_search_finds_a_part_of_a_text(h: &StoreHarness) {
    let id = h.queued(Message::new("+79251234567", "Ваш заказ готов")).await;
    h.queued(Message::new("+79251234567", "Ваша запись отменена")).await;
    assert_eq!(search(h, "заказ").await, [id]);
    assert_eq!(search(h, "Заказ").await, [], "a search is case-sensitive");
    assert_eq!(search(h, "Ваш").await.len(), 2);
}

pub async fn a_search_has_no_wildcards(h: &StoreHarness) {
    let percent = h.queued(Message::new("+79251234567", "скидка 50% на всё")).await;
    let underscore = h.queued(Message::new("+79251234567", "see a_b*c?[d]")).await;
    h.queued(Message::new("+79251234567", "скидка 500 на всё, see aXb")).await;
    assert_eq!(search(h, "50%").await, [percent]);
    assert_eq!(search(h, "a_b").await, [underscore]);
    assert_eq!(search(h, "%").await, [percent]);
    assert_eq!(search(h, "c?[d]").await, [underscore]);
    assert_eq!(search(h, "\\").await, []);
    assert_eq!(search(h, "' OR '1'='1").await, []);
}

pub async fn a_search_finds_a_part_of_a_number(h: &StoreHarness) {
    let id = h.queued(Message::new("+79261112233", "hi")).await;
    h.queued(Message::new("+79251234567", "hi")).await;
    for digits in ["9261112", "2233", "+7 926 111-22-33", "(926) 111", "7926"] {
        assert_eq!(search(h, digits).await, [id], "{digits}");
    }
}

pub async fn a_search_for_digits_finds_texts_too(h: &StoreHarness) {
    let number = h.queued(Message::new("+79261112233", "hi")).await;
    let text = h.queued(Message::new("+79251234567", "call 111-22-33")).await;
    let code = h.queued(Message::new("+79251234567", "code 1112")).await;
    assert_eq!(search(h, "111").await, [code, text, number]);
    assert_eq!(search(h, "111-22").await, [text, number], "punctuation counts in a text");
    assert_eq!(search(h, "12").await, [code], "two digits are too few to search numbers");
}

pub async fn filters_are_joined_by_and(h: &StoreHarness) {
    let mine = || message().class(Class::Otp).reference("r").owner("shop");
    let wanted = h.queued(mine()).await;
    let sent = h.sent(mine()).await;
    for other in [mine().owner("bank"), mine().reference("other"), mine().class(Class::Service)] {
        h.queued(other).await;
    }
    let mut request = everything();
    request.scope = Scope::Owner("shop".to_owned());
    request.statuses = vec![Status::Queued, Status::Failed];
    request.class = Some(Class::Otp);
    request.reference = Some("r".to_owned());
    request.search = Some("Код".to_owned());
    request.to = PhoneNumber::parse("+79251234567").ok();
    assert_eq!(h.list(request.clone()).await, [wanted]);
    request.statuses = vec![Status::Sent];
    assert_eq!(h.list(request.clone()).await, [sent]);
    request.after = Some(wanted);
    assert_eq!(h.list(request).await, []);
}
