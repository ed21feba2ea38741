//! Behaviours of every [`Provider`](sms_core::Provider). [`provider!`](crate::provider!) makes a
//! test of each.

#![allow(missing_docs, reason = "the name of each function says what it checks")]
#![allow(clippy::unused_async, reason = "the macro calls every behaviour in the same way")]

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use sms_core::provider::ProviderRef;
use sms_core::{CallbackRequest, MessageId, Outcome, OutcomeClass, PhoneNumber, Submission};
use tokio::time::timeout;

use crate::harness::ProviderHarness;

/// Messages per batch in a test at most, even if the provider takes more.
const MAX_BATCH: usize = 100;

/// A submission with a distinct number and text.
fn submission(number: usize) -> Submission {
    let digits = 79_251_230_000 + number as u64;
    let to = PhoneNumber::from_digits(digits).expect("a Russian mobile number");
    Submission::new(MessageId::new(), to, format!("Код {number}"))
}

fn batch(number: usize) -> Vec<Submission> {
    (0..number).map(submission).collect()
}

impl ProviderHarness {
    /// Size of a full batch.
    fn full_batch(&self) -> usize {
        self.provider.limits().batch.min(MAX_BATCH)
    }

    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        self.provider.open().await.expect("open, also if it is open already");
        let limit = self.provider.limits().timeout;
        let outcomes = timeout(limit, self.provider.submit(batch))
            .await
            .expect("submit ends within its time limit");
        assert_eq!(outcomes.len(), batch.len(), "submit gives one outcome for each submission");
        outcomes
    }

    /// Submits a batch that must be accepted, and returns the provider ids.
    async fn accepted(&self, batch: &[Submission]) -> Vec<String> {
        self.submit(batch).await.iter().map(accepted_id).collect()
    }
}

fn accepted_id(outcome: &Outcome) -> String {
    let Outcome { class, code, text, .. } = outcome;
    assert_eq!(
        *class,
        OutcomeClass::Accepted,
        "the simulator accepts everything: {code:?} {text:?}"
    );
    let id = outcome.provider_id.clone().expect("an acceptance has a provider id");
    assert!(outcome.provider_ids().all(|id| !id.is_empty()), "no provider id is empty");
    id
}

fn expect_distinct(ids: &[String]) {
    let distinct: HashSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "each message has its own provider id: {ids:?}");
}

pub async fn the_name_is_short_and_stable(h: &ProviderHarness) {
    let name = h.provider.name().to_owned();
    assert!((1..=32).contains(&name.len()), "{name:?}");
    assert!(
        name.bytes().all(|byte| byte.is_ascii_graphic()),
        "{name:?} goes into logs, metrics and addresses"
    );
    h.submit(&batch(1)).await;
    assert_eq!(h.provider.name(), name, "receipts are matched by the name");
}

pub async fn the_limits_can_be_worked_with(h: &ProviderHarness) {
    let limits = h.provider.limits();
    assert!(limits.batch >= 1, "a batch holds at least one message");
    assert!(limits.timeout > Duration::ZERO, "the time limit of a call is not zero");
    assert!(
        limits.timeout <= Duration::from_mins(10),
        "a lease is longer than a call: {:?}",
        limits.timeout
    );
}

pub async fn an_empty_batch_has_no_outcomes(h: &ProviderHarness) {
    assert_eq!(h.submit(&[]).await, []);
}

pub async fn one_submission_has_one_outcome(h: &ProviderHarness) {
    h.accepted(&batch(1)).await;
}

pub async fn a_full_batch_has_one_outcome_for_each(h: &ProviderHarness) {
    expect_distinct(&h.accepted(&batch(h.full_batch())).await);
}

pub async fn provider_ids_differ_from_call_to_call(h: &ProviderHarness) {
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.extend(h.accepted(&batch(1)).await);
    }
    expect_distinct(&ids);
}

pub async fn two_messages_to_one_number_have_an_outcome_each(h: &ProviderHarness) {
    let mut batch = batch(h.full_batch().min(3));
    let to = batch[0].to;
    for submission in &mut batch {
        submission.to = to;
    }
    expect_distinct(&h.accepted(&batch).await);
}

pub async fn messages_of_every_kind_go_in_one_batch(h: &ProviderHarness) {
    let mut batch = batch(h.full_batch().min(6));
    for (number, submission) in batch.iter_mut().enumerate() {
        match number {
            0 => submission.from = Some("Acme".to_owned()),
            1 => submission.options.end_user_ip = Some(Ipv4Addr::new(192, 0, 2, 7).into()),
            2 => submission.options.translit = true,
            3 => submission.text = String::from("hello"),
            4 => submission.text = String::from("Ёлка & 100% = \"хвоя\" + 🎄\nвторая строка"),
            _ => {}
        }
    }
    expect_distinct(&h.accepted(&batch).await);
}

/// Checked only if the harness names a refused number.
pub async fn outcomes_come_in_the_order_of_the_submissions(h: &ProviderHarness) {
    let Some(refused) = h.refused else { return };
    let size = h.full_batch().min(4);
    for bad in 0..size {
        let mut batch = batch(size);
        batch[bad].to = refused;
        for (number, outcome) in h.submit(&batch).await.iter().enumerate() {
            if number == bad {
                let refusal =
                    matches!(outcome.class, OutcomeClass::Rejected | OutcomeClass::Deferred);
                assert!(refusal, "number {number} of {size} is refused, not {:?}", outcome.class);
            } else {
                accepted_id(outcome);
            }
        }
    }
}

pub async fn concurrent_calls_do_not_mix(h: &ProviderHarness) {
    let size = h.full_batch().min(5);
    h.provider.open().await.expect("open");
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let provider = h.provider();
            tokio::spawn(async move { provider.submit(&batch(size)).await })
        })
        .collect();
    let mut ids = Vec::new();
    for call in calls {
        let outcomes = call.await.expect("a concurrent submit must not panic");
        assert_eq!(outcomes.len(), size, "submit gives one outcome for each submission");
        ids.extend(outcomes.iter().map(accepted_id));
    }
    expect_distinct(&ids);
}

/// Checked only if the provider has status queries.
pub async fn the_schedule_of_queries_can_be_kept(h: &ProviderHarness) {
    let Some(receipts) = h.provider.receipts() else {
        return;
    };
    let polling = receipts.polling();
    assert!(polling.batch >= 1, "a query holds at least one id");
    assert!(polling.first > Duration::ZERO, "no busy loop");
    assert!(polling.max > Duration::ZERO, "no busy loop");
    assert!(polling.give_up >= polling.first, "at least one query is made");
}

/// Checked only if the provider has status queries.
pub async fn a_query_leaves_out_what_the_provider_does_not_know(h: &ProviderHarness) {
    let Some(receipts) = h.provider.receipts() else {
        return;
    };
    let provider = h.provider.name().to_owned();
    let stray = ProviderRef::new(provider, "no-such-id".to_owned());
    assert_eq!(receipts.query(&[stray]).await.expect("query"), []);
    assert_eq!(receipts.query(&[]).await.expect("query"), []);
}

/// Checked only if the provider has status queries.
pub async fn a_receipt_bears_the_name_and_id_it_was_asked_for(h: &ProviderHarness) {
    let Some(receipts) = h.provider.receipts() else {
        return;
    };
    let provider = h.provider.name().to_owned();
    let ids = h.accepted(&batch(h.full_batch().min(receipts.polling().batch).min(3))).await;
    let refs = ids.iter().map(|id| ProviderRef::new(provider.clone(), id.clone()));
    let found = receipts.query(&refs.collect::<Vec<_>>()).await.expect("query");
    assert!(found.len() <= ids.len(), "at most one receipt per message");
    for receipt in found {
        assert_eq!(receipt.provider, provider, "a receipt is matched by the provider's name");
        assert!(ids.contains(&receipt.provider_id), "a receipt is for a message in the query");
    }
}

/// Checked only if the provider has account queries.
pub async fn an_account_that_can_send_passes_its_check(h: &ProviderHarness) {
    let Some(account) = h.provider.account() else {
        return;
    };
    account.check().await.expect("the simulator accepts everything");
}

pub async fn opening_and_closing_can_be_repeated(h: &ProviderHarness) {
    h.accepted(&batch(1)).await;
    h.accepted(&batch(1)).await;
    for _ in 0..2 {
        h.provider.close().await.expect("close, also if it is closed already");
    }
}

/// Checked only if the provider has incoming receipts. The simulator must report each message.
pub async fn each_incoming_receipt_comes_although_waits_for_it_are_dropped(h: &ProviderHarness) {
    let Some(incoming) = h.provider.incoming() else {
        return;
    };
    let mut missing: HashSet<String> =
        h.accepted(&batch(h.full_batch().min(20))).await.into_iter().collect();
    let receive = async {
        while !missing.is_empty() {
            // Most of these calls are dropped before they have an answer.
            if let Ok(receipts) = timeout(Duration::from_millis(1), incoming.next()).await {
                for receipt in &receipts {
                    assert_eq!(receipt.provider, h.provider.name(), "matched by the name");
                    missing.remove(&receipt.provider_id);
                }
                incoming.written(&receipts).await;
            }
        }
    };
    let received = timeout(Duration::from_secs(10), receive).await;
    assert!(received.is_ok(), "a receipt for each message: {missing:?}");
}

/// Checked only if the provider has callbacks.
pub async fn a_body_of_anything_is_no_callback(h: &ProviderHarness) {
    let Some(callbacks) = h.provider.callbacks() else {
        return;
    };
    for body in [&b""[..], b"x", b"\0\xff\xfe", b"a=b&c=d", b"{}", b"[]", b"<html></html>"] {
        assert!(callbacks.read(&CallbackRequest::new(body)).is_err(), "{body:?}");
    }
}
