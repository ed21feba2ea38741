//! Traces that a recipient leaves in a store, for tests that look for them in its tables.

use std::time::Duration;

use serde_json::json;
use sms_core::erasure::{EraseNumber, Erasure};
use sms_core::message::Resend;
use sms_core::store::decision::Verdict;
use sms_core::store::{BeginRequest, InsertRequest, Settlement, Store};
use sms_core::worklists::item::{ItemState, WorkItem};
use sms_core::worklists::requests::AppendItems;
use sms_core::{Message, MessageId, Outcome, PhoneNumber, Receipt, ReceiptState, Worklists};

/// Digits of the recipient's number.
pub const DIGITS: &str = "79251234567";
/// The text of its messages.
pub const TEXT: &str = "Код 4711 для входа";

const PROVIDER: &str = "testkit";

/// Leaves a trace in every place where a number or a text may be: two messages with everything
/// that a client can set, of which one was delivered and one was refused, the texts of their
/// events, a receipt of no known message, and an ended item of a worklist.
pub async fn leave(store: &(impl Store + Worklists)) {
    let message = |n: u8| {
        let metadata = json!({"phone": DIGITS, "text": TEXT});
        Message::new(format!("+{DIGITS}"), TEXT)
            .key(format!("login:{DIGITS}:{n}"))
            .reference(format!("{TEXT} {DIGITS}"))
            .metadata(metadata.as_object().expect("an object").clone())
            .resend(Resend::new(MessageId::from_bytes([1; 16]), format!("{DIGITS} {TEXT}"), "op"))
            .prepare()
            .expect("valid")
    };
    let messages = [message(1), message(2)];
    let [delivered, refused] = [messages[0].id, messages[1].id];
    store.insert(InsertRequest::new(&messages)).await.expect("inserted");
    let ids = [delivered, refused];
    let begin = BeginRequest::new(&ids, "worker", 1, PROVIDER, Duration::from_mins(1));
    assert_eq!(store.begin(begin).await.expect("begun").len(), 2);
    let words = format!("{TEXT} to {DIGITS}");
    let outcomes = [
        (delivered, Outcome::accepted("p-1"), Verdict::Sent),
        (refused, Outcome::rejected(202, words.clone()), Verdict::Failed),
    ];
    let settlements =
        outcomes.map(|(id, outcome, verdict)| Settlement::new(id, 1, PROVIDER, outcome, verdict));
    store.settle(&settlements).await.expect("settled");
    let receipt =
        |id: &str| Receipt::new(PROVIDER, id, ReceiptState::Delivered).code(103, words.clone());
    store.apply_receipts(&[receipt("p-1"), receipt("nobody's")]).await.expect("applied");
    let item = WorkItem::new(1, json!({"to": DIGITS, "text": TEXT}).to_string());
    let item = item.ended(ItemState::Done, Some(words));
    store.append(AppendItems::new("import", vec![item])).await.expect("appended");
}

/// Erases the number, until nothing is left to do.
pub async fn erase(store: &impl Erasure) {
    let number = PhoneNumber::from_digits(DIGITS.parse().expect("digits")).expect("a number");
    while store.erase_number(EraseNumber::new(number, 10)).await.expect("erased").has_more {}
}

/// The number of times that the recipient is found in a dump of the tables.
pub fn count(dump: &str) -> usize {
    [DIGITS, TEXT].iter().map(|trace| dump.matches(trace).count()).sum()
}
