//! `∅ → queued`, and idempotency keys.

use serde_json::json;
use sms_core::message::Resend;
use sms_core::store::Inserted::{self, KeyReused, Replayed, Stored};
use sms_core::{
    Class, Message, MessageId, Metadata, NewMessage, OnUnknown, Route, SandboxAction, Status,
};

use super::steps::{DAY, almost, message, prepared, secs};
use crate::harness::StoreHarness;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A message with every option.
fn everything() -> Message {
    let metadata = json!({"order": 42, "tags": ["a", "б"]});
    message()
        .class(Class::Marketing)
        .route("second-provider")
        .from("Acme")
        .owner("shop")
        .reference("заказ 42")
        .metadata(metadata.as_object().expect("an object").clone())
        .translit(true)
        .daytime(true)
        .end_user_ip("2001:db8::1")
        .max_attempts(7)
        .deadline(secs(4000))
        .resend(Resend::new(MessageId::from_bytes([1; 16]), "the phone was off", "a person"))
}

/// A message with this text and always the same key.
fn keyed(text: &str) -> NewMessage {
    prepared(&Message::new("+79251234567", text).key("k").owner("shop"))
}

pub async fn a_stored_message_can_be_read_back_whole(h: &StoreHarness) {
    let at = h.now().await + DAY;
    let mut whole = prepared(&everything().key("k-1").send_at(at));
    whole.options.sandbox = Some(SandboxAction::Undelivered { code: 104 });
    whole.options.traceparent = Some(TRACE.parse().expect("a traceparent"));
    let plain = prepared(&message());
    assert!(matches!(h.insert(&[whole.clone(), plain.clone()]).await[..], [Stored(_), Stored(_)]));
    for message in [whole, plain] {
        let found = h.find(message.id).await.expect("a stored message can be read").message;
        assert_eq!(found.metadata, message.metadata);
        assert_eq!(found.send_at, message.send_at);
        assert!(found == message, "every field of a message is kept");
    }
}

pub async fn messages_of_a_batch_keep_what_is_their_own(h: &StoreHarness) {
    let messages = [
        message(),
        everything(),
        message().class(Class::Otp),
        everything().owner("another shop"),
        everything().route("sandbox"),
        message().route("sandbox"),
        everything(),
        message().from("Acme"),
        message().on_unknown(OnUnknown::ResendOnce),
        Message::new("+79251234568", "б".repeat(200)),
        message().max_attempts(1).deadline(secs(61)).reference("r").translit(true),
    ];
    let messages = messages.map(|message| prepared(&message));
    assert!(h.insert(&messages).await.iter().all(Inserted::is_stored));
    for message in messages {
        let found = h.find(message.id).await.expect("a stored message can be read").message;
        assert!(found == message, "every field of a message is kept");
    }
}

pub async fn a_message_that_names_no_route_takes_the_default_one(h: &StoreHarness) {
    let id = h.queued(message()).await;
    assert_eq!(h.find(id).await.expect("stored").message.route, Route::DEFAULT);
}

pub async fn a_text_is_kept_letter_by_letter(h: &StoreHarness) {
    let text = "Ёлка 🎄 \"quoted\" 'single' \\ 100% _ \r\n конец ";
    let id = h.queued(Message::new("+79251234567", text)).await;
    assert_eq!(h.find(id).await.expect("stored").message.text, text);
}

pub async fn a_new_message_is_queued_and_has_no_attempt(h: &StoreHarness) {
    let id = h.queued(message()).await;
    let state = h.state(id).await;
    assert_eq!(state.status, Status::Queued);
    assert_eq!((state.attempts, state.resends, state.fence), (0, 0, 0));
    assert_eq!((state.lease, state.provider, state.provider_id), (None, None, None));
    assert_eq!((state.code, state.reason), (None, None));
    assert_eq!((state.created_at, state.updated_at), (state.due_at, state.due_at));
}

pub async fn the_deadline_counts_from_now(h: &StoreHarness) {
    let state = h.state(h.queued(message().deadline(secs(60))).await).await;
    assert_eq!(state.valid_until, state.created_at + secs(60));
}

pub async fn the_deadline_of_a_scheduled_message_counts_from_its_time(h: &StoreHarness) {
    let at = h.now().await + secs(3600);
    let state = h.state(h.queued(message().send_at(at).deadline(secs(60))).await).await;
    assert_eq!((state.due_at, state.valid_until), (at, at + secs(60)));
}

pub async fn a_time_in_the_past_means_now(h: &StoreHarness) {
    let at = h.now().await - secs(3600);
    let state = h.state(h.queued(message().send_at(at).deadline(secs(60))).await).await;
    assert_eq!((state.due_at, state.valid_until), (state.created_at, state.created_at + secs(60)));
}

pub async fn an_empty_batch_is_no_error(h: &StoreHarness) {
    assert_eq!(h.insert(&[]).await, []);
}

pub async fn a_repeated_insert_stores_nothing_twice(h: &StoreHarness) {
    let batch = [prepared(&message()), keyed("a")];
    let first = h.insert(&batch).await;
    h.advance(secs(5)).await;
    assert_eq!(h.insert(&batch).await, first, "a repeat gets the answer of the first call");
    assert_eq!(h.due().await.len(), 2);
}

pub async fn a_stored_message_is_answered_with_its_times(h: &StoreHarness) {
    let now = h.now().await;
    let messages = [message(), message().send_at(now + DAY), message().send_at(now - secs(60))];
    for key in [None, Some("k")] {
        let keyed = |(n, message): (usize, &Message)| match key {
            Some(key) => message.clone().key(format!("{key}-{n}")),
            None => message.clone(),
        };
        let batch: Vec<NewMessage> =
            messages.iter().enumerate().map(keyed).map(|message| prepared(&message)).collect();
        for (message, inserted) in batch.iter().zip(h.insert(&batch).await) {
            let Stored(times) = inserted else { panic!("{inserted:?}") };
            let state = h.find(message.id).await.expect("stored").state;
            assert_eq!((times.created_at, times.due_at), (state.created_at, state.due_at));
        }
    }
}

pub async fn a_repeated_insert_leaves_the_message_as_it_is(h: &StoreHarness) {
    let message = prepared(&message());
    h.insert(std::slice::from_ref(&message)).await;
    h.begin(message.id).await;
    h.advance(secs(5)).await;
    let before = h.find(message.id).await;
    assert!(matches!(h.insert(std::slice::from_ref(&message)).await[..], [Stored(_)]));
    assert_eq!(h.find(message.id).await, before);
}

pub async fn a_message_twice_in_a_batch_is_stored_once(h: &StoreHarness) {
    let message = prepared(&message());
    assert!(matches!(h.insert(&[message.clone(), message]).await[..], [Stored(_), Stored(_)]));
    assert_eq!(h.due().await.len(), 1);
}

pub async fn the_same_key_and_content_is_the_first_message(h: &StoreHarness) {
    let (first, second) = (keyed("a"), keyed("a"));
    assert!(matches!(h.insert(std::slice::from_ref(&first)).await[..], [Stored(_)]));
    for _ in 0..2 {
        assert_eq!(h.insert(std::slice::from_ref(&second)).await, [Replayed(first.id)]);
    }
    assert_eq!(h.find(second.id).await, None, "a replayed message is not stored");
}

pub async fn the_same_key_with_other_content_is_refused(h: &StoreHarness) {
    let (first, second) = (keyed("a"), keyed("b"));
    h.insert(&[first]).await;
    assert_eq!(h.insert(std::slice::from_ref(&second)).await, [KeyReused]);
    assert_eq!(h.find(second.id).await, None, "a refused message is not stored");
}

pub async fn a_key_belongs_to_its_owner(h: &StoreHarness) {
    let of = |owner: &str| prepared(&message().key("k").owner(owner));
    let without_owner = prepared(&message().key("k"));
    assert!(matches!(
        h.insert(&[of("shop"), of("bank"), without_owner]).await[..],
        [Stored(_), Stored(_), Stored(_)]
    ));
    let again = prepared(&Message::new("+79251234567", "other").key("k"));
    assert_eq!(h.insert(&[again]).await, [KeyReused], "messages without an owner share their keys");
}

pub async fn a_key_is_held_for_72_hours(h: &StoreHarness) {
    let first = keyed("a");
    h.insert(std::slice::from_ref(&first)).await;
    h.advance(almost(3 * DAY)).await;
    assert_eq!(h.insert(&[keyed("a"), keyed("b")]).await, [Replayed(first.id), KeyReused]);
}

pub async fn a_key_is_free_after_72_hours(h: &StoreHarness) {
    h.insert(&[keyed("a")]).await;
    h.advance(3 * DAY + secs(1)).await;
    let second = keyed("b");
    assert!(matches!(h.insert(std::slice::from_ref(&second)).await[..], [Stored(_)]));
    assert_eq!(h.insert(&[keyed("b"), keyed("a")]).await, [Replayed(second.id), KeyReused]);
}

pub async fn a_key_is_held_after_its_message_was_cancelled(h: &StoreHarness) {
    let first = keyed("a");
    h.insert(std::slice::from_ref(&first)).await;
    h.cancel(first.id).await.expect("a queued message can be cancelled");
    assert_eq!(h.insert(&[keyed("a")]).await, [Replayed(first.id)]);
}

pub async fn a_key_twice_in_one_batch_is_one_message(h: &StoreHarness) {
    let first = keyed("a");
    let batch = [first.clone(), keyed("a"), keyed("b")];
    assert!(
        matches!(h.insert(&batch).await[..], [Stored(_), Replayed(id), KeyReused] if id == first.id)
    );
    assert_eq!(h.due().await.len(), 1);
}

pub async fn a_refused_message_does_not_spoil_the_batch(h: &StoreHarness) {
    let first = keyed("a");
    h.insert(std::slice::from_ref(&first)).await;
    let batch = [prepared(&message()), keyed("b"), keyed("a"), prepared(&message())];
    let inserted = h.insert(&batch).await;
    let [Stored(_), KeyReused, Replayed(id), Stored(_)] = inserted[..] else {
        panic!("{inserted:?}")
    };
    assert_eq!(id, first.id);
    for message in [&batch[0], &batch[3]] {
        assert_eq!(h.status(message.id).await, Status::Queued);
    }
}

pub async fn a_key_that_is_held_answers_without_an_insert(h: &StoreHarness) {
    let first = keyed("a");
    h.insert(std::slice::from_ref(&first)).await;
    let others = [
        keyed("a"),
        keyed("b"),
        prepared(&message()),
        prepared(&message().key("k")),
        prepared(&message().key("free").owner("shop")),
    ];
    let answers = [Some(Replayed(first.id)), Some(KeyReused), None, None, None];
    assert_eq!(h.store.replays(&others).await.expect("replays"), answers);
    h.advance(almost(3 * DAY)).await;
    assert_eq!(h.store.replays(&others).await.expect("replays"), answers);
    h.advance(secs(60)).await;
    assert_eq!(
        h.store.replays(&others).await.expect("replays"),
        [None; 5],
        "after 72 hours the key is free"
    );
    assert_eq!(h.store.replays(&[]).await.expect("replays"), []);
    for other in &others {
        assert_eq!(h.find(other.id).await, None, "nothing is stored");
    }
}

pub async fn metadata_is_kept_as_it_was_written(h: &StoreHarness) {
    let json = concat!(
        r#"{"z":40817810099910004312,"a":{"price":1.10,"mass":1e3,"#,
        r#""s":"ё \u0000 \"q\" \n"},"b":[]}"#
    );
    let metadata = Metadata::parse(json).expect("valid");
    let id = h.queued(message().metadata(metadata.clone())).await;
    let found = h.find(id).await.expect("stored").message.metadata;
    assert_eq!((found.as_json(), &found), (json, &metadata));
}
